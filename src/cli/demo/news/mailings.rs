//! What becomes of campaigns, in words for the demo's log: one line whenever one of them stands elsewhere.

use std::collections::BTreeMap;

use crate::commands::CampaignLine;
use crate::core::campaign::audience::Reason;
use crate::core::campaign::life::State;
use crate::sandbox::page::Kind;

/// What stands before the id of a campaign in the rule of its messages.
const RULE: &str = "campaign:";
/// The rule of what managers are told about campaigns.
const NOTICES: &str = "campaigns";

/// A line for the log: Vietnamese and English.
pub(super) type Told = (Kind, String, String);

/// The campaigns as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Mailings {
    known: BTreeMap<String, CampaignLine>,
    /// Whether they were looked at before: what is there at the first look is nothing new.
    looked: bool,
}

impl Mailings {
    /// Takes what the daemon says of them now; returns what is new.
    pub(super) fn take(&mut self, lines: Vec<CampaignLine>) -> Vec<Told> {
        let mut told = Vec::new();
        for line in &lines {
            let before = self.known.get(&line.id);
            let same = before.is_some_and(|before| {
                (before.state, &before.question, &before.problems)
                    == (line.state, &line.question, &line.problems)
            });
            if !same && self.looked {
                told.extend(said(line, before));
            }
        }
        self.known = lines
            .into_iter()
            .map(|line| (line.id.clone(), line))
            .collect();
        self.looked = true;
        told
    }

    /// Whether a message by this rule shows that a campaign stands elsewhere: managers were told something, or the
    /// first mail of one has gone.
    pub(super) fn is_news(&self, rule: &str) -> bool {
        let campaign = rule.strip_prefix(RULE).map(|id| self.known.get(id));
        rule == NOTICES
            || campaign.is_some_and(|line| line.is_none_or(|line| line.state != State::Sending))
    }

    /// What the rule of a message is called: a campaign by its name, other rules by their id.
    pub(super) fn called<'a>(&'a self, rule: &'a str) -> (&'a str, &'a str) {
        if rule == NOTICES {
            return ("chiến dịch", "campaigns");
        }
        let campaign = rule.strip_prefix(RULE).and_then(|id| self.known.get(id));
        let name = campaign.map_or(rule, |line| line.name.as_str());
        (name, name)
    }
}

fn said(line: &CampaignLine, before: Option<&CampaignLine>) -> Option<Told> {
    let (kind, vi, en) = match line.state {
        // What is rendered now is asked, or is to be mended, within moments.
        State::Preparing => return None,
        State::Draft => {
            let vi = "đang soạn, chưa gửi gì cho ai";
            (
                Kind::Read,
                vi.into(),
                "is being written; nothing is sent".into(),
            )
        }
        State::Faulty => (
            Kind::Trouble,
            "chưa duyệt được: người soạn và quản lý được báo trên Telegram ô nào cần sửa".into(),
            format!("cannot be asked for: {}", line.problems.join("; ")),
        ),
        State::Asked => asked(line),
        State::Returned => (
            Kind::Decision,
            "bị trả lại; sửa dòng ấy là được hỏi duyệt lại".into(),
            "was returned; once its row is changed it is asked again".into(),
        ),
        State::Approved | State::Sending => {
            if before.is_some_and(|before| before.state == State::Approved) {
                return None;
            }
            let vi = "được duyệt; từ nay sửa bảng không đổi được thư đã duyệt";
            (
                Kind::Event,
                vi.into(),
                "is approved: its text and audience are frozen".into(),
            )
        }
        State::Paused => (
            Kind::Held,
            "tạm dừng, thư chưa gửi đang chờ".into(),
            "is paused: what has not gone waits".into(),
        ),
        State::Stopped => (
            Kind::Decision,
            "đã dừng, không gửi thêm thư nào".into(),
            "is stopped: nothing more goes".into(),
        ),
        State::Done => (
            Kind::Event,
            "đã gửi xong; kết quả có trên Telegram".into(),
            "is over; its results are on Telegram".into(),
        ),
    };
    let name = &line.name;
    let vi: String = vi;
    let en: String = en;
    Some((
        kind,
        format!("Chiến dịch “{name}” {vi}"),
        format!("Campaign “{name}” {en}"),
    ))
}

/// Managers are asked: who gets it, who does not and why.
fn asked(line: &CampaignLine) -> (Kind, String, String) {
    let recipients = line.recipients.unwrap_or(0);
    let aside = |vietnamese: bool| {
        let reasons = line.left_out.iter();
        let reasons: Vec<String> = reasons
            .map(|(code, count)| format!("{count} {}", Reason::said_of(code).text(vietnamese)))
            .collect();
        reasons.join(", ")
    };
    let (mut vi, mut en) = (
        format!("chờ duyệt: {recipients} khách sẽ nhận thư"),
        format!("waits for a manager: {recipients} customers would get a mail"),
    );
    if !line.left_out.is_empty() {
        vi = format!("{vi}; không gửi: {}", aside(true));
        en = format!("{en}; left out: {}", aside(false));
    }
    (Kind::Decision, vi, en)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(state: &str, more: &serde_json::Value) -> CampaignLine {
        let mut line = json!({"id": "mo-ban", "name": "Mở bán", "state": state});
        line.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn each_step_of_a_campaign_is_told_once() {
        let mut mailings = Mailings::default();
        let none = json!({});
        assert!(mailings.take(vec![line("draft", &none)]).is_empty());
        let asked = json!({"recipients": 8, "left_out": {"no_consent": 3}, "question": "mo-ban#1"});
        assert!(mailings.take(vec![line("preparing", &none)]).is_empty());
        let told = mailings.take(vec![line("asked", &asked)]);
        let (kind, vi, en) = &told[0];
        assert_eq!(*kind, Kind::Decision);
        assert!(
            vi.starts_with("Chiến dịch “Mở bán” chờ duyệt: 8 khách sẽ nhận thư; không gửi: 3 "),
            "{vi}"
        );
        assert!(en.contains("left out: 3 "), "{en}");
        assert!(mailings.take(vec![line("asked", &asked)]).is_empty());
        assert!(mailings.is_news("campaigns") && mailings.is_news("campaign:mo-ban"));
        assert_eq!(mailings.take(vec![line("sending", &asked)]).len(), 1);
        assert!(!mailings.is_news("campaign:mo-ban") && !mailings.is_news("welcome"));
        assert_eq!(mailings.take(vec![line("done", &asked)]).len(), 1);
        assert_eq!(mailings.called("campaign:mo-ban").0, "Mở bán");
        assert_eq!(mailings.called("welcome").0, "welcome");
    }

    #[test]
    fn what_is_wrong_is_told_again_when_something_else_is_wrong() {
        let mut mailings = Mailings::default();
        mailings.take(Vec::new());
        let wrong = |what: &str| line("faulty", &json!({"problems": [what]}));
        let told = mailings.take(vec![wrong("C3: no stage")]);
        assert_eq!(
            told[0].2,
            "Campaign “Mở bán” cannot be asked for: C3: no stage"
        );
        assert!(mailings.take(vec![wrong("C3: no stage")]).is_empty());
        assert_eq!(mailings.take(vec![wrong("G3: no header")]).len(), 1);
    }
}
