//! What the page says and how it looks: one card, one button, for a phone, by day and by night, without a script.

use jiff::Timestamp;

use crate::commands::{Desk, OptOutView};
use crate::config::{Company, Language};

/// What was asked for before the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing: the link was opened.
    Look,
    /// No more advertising.
    Stop,
    /// To come back.
    Back,
}

/// The words of one language. `{company}`, `{address}` and `{at}` are filled in.
pub(super) struct Words {
    lang: &'static str,
    other: (&'static str, &'static str),
    ask_title: &'static str,
    ask: &'static str,
    ask_nobody: &'static str,
    rights: &'static str,
    /// On the button that refuses; kept as proof of what was agreed to.
    pub(super) stop_button: &'static str,
    done_title: &'static str,
    done: &'static str,
    already: &'static str,
    service: &'static str,
    mistake: &'static str,
    /// On the button that takes it back.
    pub(super) back_button: &'static str,
    back_title: &'static str,
    back: &'static str,
    by_others: &'static str,
    unknown_title: &'static str,
    unknown: &'static str,
    trouble_title: &'static str,
    trouble: &'static str,
    contact: &'static str,
    mail: &'static str,
    call: &'static str,
}

const VI: Words = Words {
    lang: "vi",
    other: ("en", "English"),
    ask_title: "Từ chối nhận quảng cáo",
    ask: "Bấm nút dưới đây, {company} sẽ ngừng ngay mọi thư quảng cáo gửi tới <strong>{address}</strong>.",
    ask_nobody: "Bấm nút dưới đây, {company} sẽ ngừng ngay mọi thư quảng cáo gửi tới địa chỉ đã nhận thư này.",
    rights: "Không cần đăng nhập, không cần nêu lý do. Thư về giao dịch đang thực hiện (lịch hẹn, hợp đồng, thanh toán) vẫn được gửi.",
    stop_button: "Từ chối tất cả quảng cáo",
    done_title: "Đã ngừng gửi quảng cáo",
    done: "{company} đã nhận yêu cầu lúc <strong>{at}</strong> và ngừng gửi quảng cáo kể từ lúc đó. Các thư quảng cáo đang chờ gửi cũng được huỷ.",
    already: "{company} không gửi quảng cáo tới địa chỉ này nữa, kể từ <strong>{at}</strong>.",
    service: "Thư về giao dịch đang thực hiện (lịch hẹn, hợp đồng, thanh toán) vẫn được gửi.",
    mistake: "Anh/Chị bấm nhầm?",
    back_button: "Nhận lại thư",
    back_title: "Anh/Chị sẽ nhận thư trở lại",
    back: "Cảm ơn Anh/Chị. {company} sẽ gửi tin về sản phẩm và ưu đãi như trước. Anh/Chị có thể từ chối lại bất cứ lúc nào bằng chính đường dẫn này.",
    by_others: "Muốn nhận lại thư, Anh/Chị vui lòng liên hệ với chúng tôi.",
    unknown_title: "Đường dẫn không còn dùng được",
    unknown: "Có thể đường dẫn đã bị cắt mất một đoạn khi sao chép. Anh/Chị mở lại từ thư, hoặc báo cho chúng tôi theo một trong các cách dưới đây, chúng tôi sẽ ngừng gửi ngay.",
    trouble_title: "Xin Anh/Chị thử lại sau ít phút",
    trouble: "Hệ thống đang bận nên chưa ghi nhận được yêu cầu. Anh/Chị thử lại sau ít phút, hoặc báo cho chúng tôi theo một trong các cách dưới đây.",
    contact: "Cách khác để từ chối quảng cáo",
    mail: "Gửi thư tới",
    call: "Gọi",
};

const EN: Words = Words {
    lang: "en",
    other: ("vi", "Tiếng Việt"),
    ask_title: "No more advertising",
    ask: "Press the button, and {company} stops all advertising to <strong>{address}</strong> at once.",
    ask_nobody: "Press the button, and {company} stops all advertising at once to the address that received this mail.",
    rights: "No log-in, no questions. Mails about a deal in progress (appointments, contracts, payments) will still be sent.",
    stop_button: "Refuse all advertising",
    done_title: "No more advertising",
    done: "{company} received your request at <strong>{at}</strong>. Advertising has stopped as of then; what was waiting to be sent is cancelled.",
    already: "{company} has sent no more advertising to this address since <strong>{at}</strong>.",
    service: "Mails about a deal in progress (appointments, contracts, payments) will still be sent.",
    mistake: "Pressed by mistake?",
    back_button: "Receive mails again",
    back_title: "You will hear from us again",
    back: "Thank you. {company} will write to you about homes and offers as before. The same link lets you refuse again at any time.",
    by_others: "To receive mails again, please get in touch with us.",
    unknown_title: "This link does not work any more",
    unknown: "Part of it may have been lost when it was copied. Please open it from the mail again, or tell us in one of these ways, and we will stop at once.",
    trouble_title: "Please try again in a few minutes",
    trouble: "We could not record your request just now. Please try again in a few minutes, or tell us in one of these ways.",
    contact: "Other ways to refuse advertising",
    mail: "Write to",
    call: "Call",
};

/// The words of a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::Vi => &VI,
        Language::En => &EN,
    }
}

/// Everything that a page needs.
pub(super) struct Page<'a> {
    words: &'static Words,
    company: &'a Company,
    mailbox: Option<String>,
    desk: &'a Desk,
}

impl<'a> Page<'a> {
    pub(super) fn new(desk: &'a Desk, language: Language) -> Self {
        Self {
            words: words(language),
            company: &desk.roster.config().company,
            mailbox: desk.roster.opt_out_mailbox(),
            desk,
        }
    }

    /// The page of a link of ours.
    pub(super) fn of(&self, view: &OptOutView, asked: Asked) -> String {
        let words = self.words;
        match (view.refused, asked) {
            (Some(at), Asked::Stop | Asked::Look | Asked::Back) => {
                let text = if asked == Asked::Stop {
                    words.done
                } else {
                    words.already
                };
                let back = if view.can_return {
                    format!(
                        "<p class=\"small\">{}</p>{}",
                        words.mistake,
                        button("back", words.back_button, "quiet")
                    )
                } else {
                    format!("<p class=\"small\">{}</p>", words.by_others)
                };
                let body = format!(
                    "<p>{}</p><p class=\"small\">{}</p>{back}",
                    self.filled(text, view, Some(at)),
                    words.service
                );
                self.whole(words.done_title, "done", &body, false)
            }
            (None, Asked::Back) => {
                let body = format!("<p>{}</p>", self.filled(words.back, view, None));
                self.whole(words.back_title, "", &body, false)
            }
            (None, Asked::Look | Asked::Stop) => {
                let ask = match view.address {
                    Some(_) => words.ask,
                    None => words.ask_nobody,
                };
                let body = format!(
                    "<p>{}</p>{}<p class=\"small\">{}</p>",
                    self.filled(ask, view, None),
                    button("stop", words.stop_button, ""),
                    words.rights
                );
                self.whole(words.ask_title, "", &body, true)
            }
        }
    }

    /// The page of a link that is none of ours.
    pub(super) fn unknown(&self) -> String {
        let body = format!("<p>{}</p>", self.words.unknown);
        self.whole(self.words.unknown_title, "", &body, true)
    }

    /// The page when the store does not answer.
    pub(super) fn trouble(&self) -> String {
        let body = format!("<p>{}</p>", self.words.trouble);
        self.whole(self.words.trouble_title, "", &body, true)
    }

    fn filled(&self, text: &str, view: &OptOutView, at: Option<Timestamp>) -> String {
        let zone = &self.desk.roster.config().calendar.zone;
        let shown = at.map(|at| {
            let local = at.to_zoned(zone.clone());
            local.strftime("%H:%M, %d/%m/%Y").to_string()
        });
        text.replace("{company}", &self.company_name())
            .replace(
                "{address}",
                &escaped(view.address.as_deref().unwrap_or_default()),
            )
            .replace("{at}", &shown.unwrap_or_default())
    }

    fn company_name(&self) -> String {
        match (self.company.name.as_str(), self.words.lang) {
            ("", "vi") => "chúng tôi".to_owned(),
            ("", _) => "we".to_owned(),
            (name, _) => escaped(name),
        }
    }

    /// `ways`: also how else one may refuse.
    fn whole(&self, title: &str, mark: &str, body: &str, ways: bool) -> String {
        let words = self.words;
        let ways = if ways {
            self.other_ways()
        } else {
            String::new()
        };
        let brand = escaped(&self.company.name);
        format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <p class=\"brand\">{brand}</p>\n<section class=\"{mark}\">\n<h1>{title}</h1>\n{body}\n{ways}</section>\n\
             <footer>{about}<p><a href=\"?lang={other}\" hreflang=\"{other}\">{other_name}</a></p></footer>\n\
             </main>\n</body>\n</html>\n",
            lang = words.lang,
            about = self.about(),
            other = words.other.0,
            other_name = words.other.1,
        )
    }

    fn other_ways(&self) -> String {
        let mut ways = Vec::new();
        if let Some(mailbox) = &self.mailbox {
            let mailbox = escaped(mailbox);
            ways.push(format!(
                "<li>{} <a href=\"mailto:{mailbox}\">{mailbox}</a></li>",
                self.words.mail
            ));
        }
        if !self.company.phone.is_empty() {
            let digits: String = self
                .company
                .phone
                .chars()
                .filter(|c| c.is_ascii_digit() || *c == '+')
                .collect();
            ways.push(format!(
                "<li>{} <a href=\"tel:{digits}\">{}</a></li>",
                self.words.call,
                escaped(&self.company.phone)
            ));
        }
        if ways.is_empty() {
            return String::new();
        }
        format!(
            "<div class=\"ways\"><h2>{}</h2><ul>{}</ul></div>\n",
            self.words.contact,
            ways.concat()
        )
    }

    fn about(&self) -> String {
        let parts = [&self.company.name, &self.company.address];
        let lines: Vec<String> = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(|part| escaped(part))
            .collect();
        format!("<p>{}</p>", lines.join("<br>"))
    }
}

fn button(what: &str, label: &str, kind: &str) -> String {
    format!(
        "<form method=\"post\"><button type=\"submit\" name=\"do\" value=\"{what}\" class=\"{kind}\">{label}</button></form>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = "
:root { color-scheme: light dark; --page: #f4f2ed; --card: #fff; --line: #e3dfd6; --text: #2b3330; --head: #16211e;
  --quiet: #666f6b; --main: #0f5c4e; --on: #fff; --gold: #c9a45c; }
@media (prefers-color-scheme: dark) { :root { --page: #14191b; --card: #1e2528; --line: #323c40; --text: #dfe5e3;
  --head: #f4f6f5; --quiet: #97a3a1; --main: #4fb8a2; --on: #08201b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 17px/1.6 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 520px; margin: 0 auto; padding: 28px 16px 40px; }
.brand { margin: 0 4px 14px; font-weight: 600; color: var(--main); }
section { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--main); border-radius: 12px;
  padding: 26px 24px 24px; }
section.done { border-top-color: var(--gold); }
h1 { margin: 0 0 14px; font-size: 24px; line-height: 1.3; color: var(--head); text-wrap: balance; }
h2 { margin: 0 0 6px; font-size: 15px; color: var(--head); }
p { margin: 0 0 16px; }
.small { font-size: 15px; color: var(--quiet); }
button { width: 100%; min-height: 52px; margin: 6px 0 18px; padding: 12px 18px; border: 1px solid var(--main); border-radius: 10px;
  background: var(--main); color: var(--on); font: inherit; font-weight: 600; cursor: pointer; }
button.quiet { background: transparent; color: var(--main); margin-bottom: 4px; }
button:focus-visible, a:focus-visible { outline: 3px solid var(--gold); outline-offset: 2px; }
.ways { border-top: 1px solid var(--line); margin-top: 8px; padding-top: 16px; font-size: 15px; }
ul { margin: 0; padding-left: 20px; }
li { margin: 4px 0; }
a { color: var(--main); overflow-wrap: anywhere; }
footer { margin: 18px 4px 0; font-size: 14px; color: var(--quiet); }
strong { overflow-wrap: anywhere; }
";
