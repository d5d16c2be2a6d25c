"""Python's own smtplib against the sandbox's SMTP server."""

import email.policy
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from addresses import sandbox

SMTP = sandbox()["smtp"]


def trusted() -> ssl.SSLContext:
    """A context that trusts the sandbox's authority and nothing else, host names checked."""
    return ssl.create_default_context(cafile=SMTP["ca_file"])


def connected() -> smtplib.SMTP:
    """A session after STARTTLS."""
    session = smtplib.SMTP(SMTP["host"], SMTP["port"], timeout=10)
    session.starttls(context=trusted())
    session.ehlo()
    return session


@pytest.fixture
def session():
    with connected() as session:
        session.login(SMTP["user"], SMTP["password"])
        yield session


def mail(subject: str = "Chào anh An, cảm ơn anh đã quan tâm") -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address("Công ty Thiên Minh", "marketing", "example.org")
    message["To"] = Address("Nguyễn Văn An", "an", "example.org")
    message["Subject"] = subject
    message.set_content("Chào anh An,\n.\n..hai chấm đầu dòng\n")
    message.add_alternative("<p>Chào anh <b>An</b></p>", subtype="html")
    message.add_attachment("căn,giá\nA1,3.5\n", filename="bảng giá.csv")
    return message


def test_the_extensions_are_announced(session):
    for extension in ("size", "8bitmime", "smtputf8", "pipelining", "enhancedstatuscodes"):
        assert session.has_extn(extension), extension
    assert not session.has_extn("starttls"), "not offered again under TLS"


def test_several_mails_go_over_one_connection(session):
    for _ in range(3):
        assert session.send_message(mail()) == {}
    code, text = session.noop()
    assert (code, text) == (250, b"2.0.0 Ok")


def test_a_mail_is_queued_under_a_growing_number(session):
    def number() -> int:
        session.mail("a@example.org")
        session.rcpt("b@example.org")
        code, text = session.data(mail().as_bytes(policy=email.policy.SMTP))
        assert code == 250, text
        return int(text.rsplit(b" ", 1)[1])

    assert number() < number()


def test_utf8_addresses(session):
    message = mail()
    del message["To"]
    message["To"] = "nguyễn@example.org"
    assert session.send_message(message) == {}
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        session.sendmail("a@example.org", ["không phải địa chỉ"], "x", mail_options=["SMTPUTF8"])
    (code, text), = refused.value.recipients.values()
    assert (code, text[:5]) == (553, b"5.1.3")


def test_a_wrong_password_is_refused():
    with connected() as session:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            session.login(SMTP["user"], SMTP["password"] + "x")
    assert refused.value.smtp_code == 535
    assert refused.value.smtp_error.startswith(b"5.7.8")


def test_both_ways_to_log_in():
    for way in ("auth_plain", "auth_login"):
        with connected() as session:
            session.user, session.password = SMTP["user"], SMTP["password"]
            code, _ = session.auth(way.removeprefix("auth_").upper(), getattr(session, way))
            assert code == 235


def test_nothing_is_taken_before_the_log_in():
    with connected() as session:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            session.sendmail("a@example.org", ["b@example.org"], "x")
    assert refused.value.smtp_code == 530


def test_a_stranger_to_the_authority_ends_the_handshake():
    with smtplib.SMTP(SMTP["host"], SMTP["port"], timeout=10) as session:
        with pytest.raises(ssl.SSLCertVerificationError):
            session.starttls(context=ssl.create_default_context())


def test_a_mail_that_is_too_big_is_refused(session):
    limit = int(session.esmtp_features["size"])
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        session.sendmail("a@example.org", ["b@example.org"], "x", mail_options=[f"SIZE={limit + 1}"])
    assert refused.value.smtp_code == 552


def test_commands_out_of_order(session):
    assert session.rcpt("b@example.org")[0] == 503
    assert session.docmd("DATA")[0] == 503
    assert session.docmd("FROBNICATE")[0] == 500
    assert session.verify("b@example.org")[0] == 252
