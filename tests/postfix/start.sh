#!/bin/sh
# Starts a private Postfix on a loopback port, with STARTTLS under a certificate of its own and a log-in.
#
# Usage: start.sh FOLDER      FOLDER is made; everything lives in it
# Prints the port. Then:
#   FOLDER/ca.pem             the certificate to trust; the server is called localhost
#   an / mat-khau-dung        the log-in
#   FOLDER/mail/khach/new/    where mail to khach@example.org arrives; other people there are unknown
# Stop it with: postfix -c FOLDER/etc stop
set -eu

mend="Install Postfix for this test: apt-get install -y --no-install-recommends postfix sasl2-bin libsasl2-modules openssl"
for tool in postfix postconf saslpasswd2 openssl; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null || {
        echo "$tool is not there. $mend" >&2
        exit 1
    }
done
PATH="$PATH:/usr/sbin:/sbin"
if [ "$(id -u)" != 0 ]; then
    echo "Postfix's master process must be started by root: run this test as root" >&2
    exit 1
fi

folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd -P)
# Postfix's own user must get in; nothing in here is secret.
chmod 755 "$folder"
mkdir -p "$folder/etc" "$folder/queue" "$folder/data" "$folder/mail" "$folder/etc/sasl"
chown postfix "$folder/data" "$folder/mail"
exec 3>&1 1>"$folder/start.log" 2>&1

port=
for candidate in $(shuf -i 20000-32000 -n 50); do
    if ! openssl s_client -connect "127.0.0.1:$candidate" </dev/null 2>&1 | grep -q '^CONNECTED'; then
        port=$candidate
        break
    fi
done

cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj "/CN=sheetbridge test authority" -keyout ca.key -out ca.pem \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj "/CN=localhost" -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem

# Debian looks into the folder "sasl" of its configuration, whatever cyrus_sasl_config_path says.
cat >etc/sasl/smtpd.conf <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $folder/etc/sasl/sasldb2
mech_list: PLAIN LOGIN
END
printf '%s' 'mat-khau-dung' | saslpasswd2 -c -p -f etc/sasl/sasldb2 -u localhost an
chown -R postfix etc/sasl

echo "khach@example.org khach/" >etc/mailboxes
cat >etc/main.cf <<END
compatibility_level = 3.6
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file = $folder/data/mail.log
maillog_file_prefixes = $folder
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = texthash:$folder/etc/mailboxes
virtual_mailbox_base = $folder/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:$(id -u postfix)
virtual_gid_maps = static:$(id -g postfix)
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = $folder/server.key, $folder/server.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = localhost
cyrus_sasl_config_path = $folder/etc/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_sasl_authenticated, reject
smtpd_client_connection_rate_limit = 0
END
# Listening on loopback only; the rest are Postfix's own inner services.
{
    echo "127.0.0.1:$port inet n - n - - smtpd"
    echo "pickup unix n - n 60 1 pickup"
    echo "cleanup unix n - n - 0 cleanup"
    echo "qmgr unix n - n 300 1 qmgr"
    echo "tlsmgr unix - - n 1000? 1 tlsmgr"
    echo "rewrite unix - - n - - trivial-rewrite"
    for service in bounce defer trace; do echo "$service unix - - n - 0 bounce"; done
    echo "verify unix - - n - 1 verify"
    echo "flush unix n - n 1000? 0 flush"
    echo "proxymap unix - - n - - proxymap"
    for service in error retry; do echo "$service unix - - n - - error"; done
    echo "virtual unix - n n - - virtual"
    echo "anvil unix - - n - 1 anvil"
    echo "postlog unix-dgram n - n - 1 postlogd"
} >etc/master.cf

postfix -c "$folder/etc" start

for try in $(seq 100); do
    if openssl s_client -starttls smtp -connect "127.0.0.1:$port" </dev/null 2>&1 | grep -q '^CONNECTED'; then
        echo "$port" >&3
        exit 0
    fi
    sleep 0.1
done
echo "Postfix did not come up on port $port" >&2
exit 1
