//! What advertising by mail needs beside its text: who sends it, a way to refuse it, consent, a signature. Nothing
//! is asked of the network: what DNS must have is said, not looked up.

use super::report::Findings;
use crate::config::Config;
use crate::daemon::signers;

const AREA: &str = "advertising";

/// Looks at what every advertising mail will need.
pub(super) fn look(config: &Config, advertising: &[String], findings: &mut Findings) {
    signatures(config, findings);
    if advertising.is_empty() {
        return;
    }
    let what = advertising.join(", ");
    consent(config, &what, findings);
    sender(config, &what, findings);
    way_out(config, findings);
}

/// The keys, and what DNS must have for them.
fn signatures(config: &Config, findings: &mut Findings) {
    let Some(email) = &config.email else { return };
    match signers(email) {
        Ok(signers) => {
            for signer in signers {
                findings.passed(
                    "email",
                    format!(
                        "mails are signed for {}; DNS must have: {}",
                        signer.domain(),
                        signer.zone_line()
                    ),
                );
            }
        }
        Err(why) => findings.problem(
            "email",
            "[email] dkim",
            &why,
            "put a private key there, readable only by the daemon",
        ),
    }
}

fn consent(config: &Config, what: &str, findings: &mut Findings) {
    let tabs = config.workbooks.iter().flat_map(|book| &book.tabs);
    let known = !config.consent.is_empty()
        || config.fields.iter().any(|field| field.id == "consent")
        || tabs.into_iter().any(crate::config::Tab::has_consent);
    if !known {
        findings.warning(
            AREA,
            "[columns] consent",
            &format!(
                "nobody can be known to have agreed to advertising, so {what} will mail nobody"
            ),
            "bind the column as consent = \"Đồng ý nhận tin\", or declare it under [consent]",
        );
    }
}

/// Name, address, telephone, mailbox and web site of the advertiser (Decree 91/2020 Art. 17 and 19).
fn sender(config: &Config, what: &str, findings: &mut Findings) {
    let company = &config.company;
    let missing: Vec<&str> = [
        ("name", &company.name),
        ("address", &company.address),
        ("phone", &company.phone),
        ("email", &company.email),
        ("website", &company.website),
    ]
    .into_iter()
    .filter(|(_, value)| value.is_empty())
    .map(|(key, _)| key)
    .collect();
    if !missing.is_empty() {
        findings.warning(
            AREA,
            "[company]",
            &format!(
                "{what} must say who sends it, and `{}` is missing",
                missing.join("`, `")
            ),
            "add it under [company]: it stands at the foot of every mail (Decree 91/2020 Art. 19)",
        );
    }
}

fn way_out(config: &Config, findings: &mut Findings) {
    let public = config.web.as_ref().and_then(|web| web.public_url.as_ref());
    match public {
        Some(url) if url.starts_with("https://") => {
            findings.passed(AREA, format!("advertising can be refused at {url}/u/…"));
        }
        Some(url) => findings.warning(
            AREA,
            "[web] public_url",
            &format!(
                "{url} is not https://, so mail programs show no unsubscribe button (RFC 8058)"
            ),
            "put a web server with a certificate in front, see the README, and write its https:// address",
        ),
        None => findings.warning(
            AREA,
            "[web] public_url",
            "there is no page on which customers refuse advertising: mails name only the mailbox and the telephone, \
             whoever reads that mailbox must act at once with `sheetbridge suppress add`, and Gmail wants one-click \
             from everybody who sends much",
            "set listen and public_url under [web], and let a web server pass /u/ on; the README shows how",
        ),
    }
}
