//! From a row of the staff's tab, or a file, to a [`Definition`]: or to everything that is wrong with it.
//!
//! Both come as cells by column, so that a file says nothing that a row could not. Reading is strict where
//! a wrong guess would mail the wrong people, and forgiving in how things are written. Which rows are to be
//! read at all is [`super::tab`]'s; whether a word is one that any customer's row has shows in
//! [`super::audience`].

mod dealings;
mod whom;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;

use super::problem::{Place, Problem, Said};
use super::text::{Names, pieces};
use super::{
    Body, CampaignId, Definition, HIGHEST_GROUP, Origin, SendAt, Variant, Wanted, listing, words,
};
use crate::core::calendar::Calendar;
use crate::core::people::Directory;
use crate::core::rule::Channel;
use crate::core::sheet::fold::fold;
use crate::core::sheet::stage::StageTable;
use crate::core::sheet::{Cell, FieldSpec, Reading, date, yes_no};

/// A campaign as it is written: its cells by column id. Empty ones are absent.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where.
    pub origin: Origin,
    /// The cells.
    pub cells: BTreeMap<String, Cell>,
    /// Where each of them stands.
    pub places: BTreeMap<String, Place>,
}

/// What a definition is checked against.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The stages with their words.
    pub stages: &'a StageTable,
    /// Ids of the stages in which the deal is done.
    pub won: &'a BTreeSet<String>,
    /// The fields of customers.
    pub fields: &'a [FieldSpec],
    /// The company's people.
    pub people: &'a Directory,
    /// Names of the templates that mails can be made of.
    pub templates: &'a BTreeSet<String>,
    /// Zone and hours.
    pub calendar: &'a Calendar,
    /// The workbook's locale, by which dates are read.
    pub locale: &'a str,
    /// Why a file cannot be attached, and what to do: asked with the path below the folder of attachments.
    pub attachment: &'a dyn Fn(&str) -> Option<(Said, Said)>,
}

/// What the state cell asks for.
///
/// # Errors
/// A word that means nothing.
pub fn wanted(written: &Written) -> Result<Wanted, Problem> {
    let Some(cell) = written.cells.get("state") else {
        return Ok(Wanted::Draft);
    };
    let shown = cell.shown();
    words::wanted(&shown).map_err(|mend| Problem {
        place: written.place("state"),
        what: Said::new(
            format!("không hiểu trạng thái “{}”", shown.trim()),
            format!("the state “{}” means nothing here", shown.trim()),
        ),
        mend,
    })
}

/// Reads a campaign. The id is the caller's: a row keeps it through its edits.
///
/// # Errors
/// Everything that is wrong with it, each with its place and its mend.
pub fn read(
    written: &Written,
    id: CampaignId,
    known: &Known<'_>,
) -> Result<Definition, Vec<Problem>> {
    let mut sheet = Reader {
        written,
        known,
        names: Names::new(known.fields),
        problems: Vec::new(),
    };
    sheet.error_cells();
    let name = sheet.text("name");
    if name.is_none() {
        sheet.wrong(
            "name",
            Said::new("chiến dịch chưa có tên", "the campaign has no name"),
            Said::new(
                "Hãy ghi tên vào cột Tên chiến dịch",
                "Write one into the column Campaign name",
            ),
        );
    }
    let channel = sheet.channel();
    let whom = sheet.whom();
    let variants = sheet.variants();
    let send_at = sheet.send_at();
    let order = sheet.word("order", words::order).unwrap_or_default();
    let state = match wanted(written) {
        Ok(wanted) => wanted,
        Err(problem) => {
            sheet.problems.push(problem);
            Wanted::Draft
        }
    };
    let ad = sheet.advertises();
    let author = sheet.author();
    if !sheet.problems.is_empty() {
        sheet.problems.sort();
        sheet.problems.dedup();
        return Err(sheet.problems);
    }
    Ok(Definition {
        id,
        name: name.unwrap_or_default(),
        origin: written.origin.clone(),
        channel,
        whom,
        variants,
        send_at,
        order,
        wanted: state,
        author,
        ad,
        places: written.places.clone(),
    })
}

impl Written {
    /// Where a column stands; the row or file as a whole if it is empty.
    pub fn place(&self, column: &str) -> Place {
        self.places
            .get(column)
            .cloned()
            .unwrap_or_else(|| self.origin.place())
    }
}

/// One campaign being read.
struct Reader<'a> {
    written: &'a Written,
    known: &'a Known<'a>,
    names: Names,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong(&mut self, column: &str, what: Said, mend: Said) {
        self.problems.push(Problem {
            place: self.written.place(column),
            what,
            mend,
        });
    }

    fn cell(&self, column: &str) -> Option<&Cell> {
        self.written
            .cells
            .get(column)
            .filter(|cell| !cell.is_blank() && cell.error().is_none())
    }

    /// The text of a cell; line breaks stay.
    fn text(&self, column: &str) -> Option<String> {
        self.cell(column)
            .map(|cell| cell.shown().trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    fn error_cells(&mut self) {
        let errors: Vec<(String, String)> = self
            .written
            .cells
            .iter()
            .filter_map(|(column, cell)| Some((column.clone(), cell.error()?.to_owned())))
            .collect();
        for (column, error) in errors {
            self.wrong(
                &column,
                Said::new(
                    format!("ô đang báo lỗi {error}"),
                    format!("the cell shows {error}"),
                ),
                Said::new(
                    "Hãy sửa công thức, hoặc gõ thẳng giá trị",
                    "Correct the formula, or type the value",
                ),
            );
        }
    }

    /// A cell whose words have a meaning of ours.
    fn word<T>(&mut self, column: &str, read: impl Fn(&str) -> Result<T, Said>) -> Option<T> {
        let text = self.text(column)?;
        match read(&text) {
            Ok(meaning) => Some(meaning),
            Err(mend) => {
                self.wrong(
                    column,
                    Said::new(
                        format!("không hiểu “{text}”"),
                        format!("“{text}” means nothing here"),
                    ),
                    mend,
                );
                None
            }
        }
    }

    fn channel(&mut self) -> Channel {
        let Some(text) = self.text("channel") else {
            return Channel::Email;
        };
        let mail = ["email", "e mail", "mail", "thu", "thu dien tu", "gmail"];
        if mail.contains(&fold(&text).as_str()) {
            return Channel::Email;
        }
        self.wrong(
            "channel",
            Said::new(
                format!("chiến dịch chưa gửi được qua “{text}”"),
                format!("campaigns do not go by “{text}”"),
            ),
            Said::new(
                "Hãy ghi Email, hoặc để trống; Telegram và Zalo không cho gửi hàng loạt tới khách",
                "Write Email, or leave it empty; Telegram and Zalo do not let us write to customers in numbers",
            ),
        );
        Channel::Email
    }

    fn advertises(&mut self) -> bool {
        match self.cell("ad").map(yes_no::read) {
            None | Some(Reading::Nothing | Reading::Value(true)) => true,
            Some(Reading::Value(false)) => false,
            Some(Reading::Bad(_) | Reading::Ambiguous(_)) => {
                self.wrong(
                    "ad",
                    Said::new(
                        "không rõ có phải quảng cáo hay không",
                        "it is unclear whether this advertises",
                    ),
                    Said::new(
                        "Hãy ghi Có hoặc Không; để trống là Có",
                        "Write Yes or No; empty is Yes",
                    ),
                );
                true
            }
        }
    }

    /// The author: by the name in `[[staff]]` where there is one.
    fn author(&self) -> Option<String> {
        let text = self.text("author")?;
        Some(match self.known.people.find(&text) {
            Some(person) => person.name.clone(),
            None => text,
        })
    }

    /// The texts: those of the groups in their order, then the one for everybody else.
    fn variants(&mut self) -> Vec<Variant> {
        let mut variants = Vec::new();
        let mut written = false;
        for number in 1..=HIGHEST_GROUP {
            let column = |id: &str| match (number, id) {
                (1, "group") => "group_1".to_owned(),
                (1, _) => id.to_owned(),
                _ => format!("{id}_{number}"),
            };
            let columns = ["group", "subject", "text", "template", "attachment"].map(column);
            if columns.iter().all(|column| self.cell(column).is_none()) {
                continue;
            }
            written = true;
            variants.extend(self.variant(number, &columns));
        }
        if !written {
            self.wrong(
                "text",
                Said::new("chiến dịch chưa có nội dung", "the campaign has no text"),
                Said::new(
                    "Hãy ghi cột Nội dung, hoặc tên mẫu ở cột Mẫu thư",
                    "Write the column Text, or a Template",
                ),
            );
        }
        // Stable: groups stay in their order.
        variants.sort_by_key(|variant| variant.group.is_none());
        variants
    }

    fn variant(&mut self, number: u32, columns: &[String; 5]) -> Option<Variant> {
        let [group, subject, text, template, attachment] = columns;
        let called = self.text(group);
        let whom = called.as_deref().map(|text| self.group(group, text));
        if number > 1 && whom.is_none() {
            self.wrong(
                text,
                Said::new(
                    format!("nội dung {number} không nói là cho nhóm khách nào"),
                    format!("text {number} does not say for which group it is"),
                ),
                Said::new(
                    format!("Hãy ghi cột Nhóm {number}, ví dụ “Nhu cầu: đầu tư”"),
                    format!("Write the column Group {number}, such as “Interest: đầu tư”"),
                ),
            );
        }
        let body = self.body(text, template);
        let written_subject = self.text(subject).or_else(|| {
            // A further text may go under the subject of the first.
            (number > 1).then(|| self.text("subject")).flatten()
        });
        let subject_text = match (written_subject, &body) {
            (Some(subject_text), _) => {
                self.check_text(subject, &subject_text);
                if subject_text.contains('\n') {
                    self.wrong(
                        subject,
                        Said::new("tiêu đề có nhiều dòng", "the subject has several lines"),
                        Said::new("Hãy ghi tiêu đề trên một dòng", "Write it on one line"),
                    );
                }
                subject_text
            }
            (None, Some(Body::Cell(_))) => {
                self.wrong(
                    subject,
                    Said::new("thư chưa có tiêu đề", "the mail has no subject"),
                    Said::new("Hãy ghi cột Tiêu đề", "Write the column Subject"),
                );
                String::new()
            }
            // The template has one of its own.
            (None, _) => String::new(),
        };
        let attachment = self.attachment(attachment);
        Some(Variant {
            number,
            group: whom,
            called,
            subject: subject_text,
            body: body?,
            attachment,
        })
    }

    fn body(&mut self, text: &str, template: &str) -> Option<Body> {
        match (self.text(text), self.text(template)) {
            (Some(_), Some(_)) => {
                self.wrong(
                    template,
                    Said::new(
                        "có cả nội dung lẫn mẫu thư",
                        "there is a text and a template",
                    ),
                    Said::new("Hãy giữ một trong hai", "Keep one of the two"),
                );
                None
            }
            (Some(cell), None) => {
                self.check_text(text, &cell);
                Some(Body::Cell(cell))
            }
            (None, Some(name)) => self.template(template, &name),
            (None, None) => {
                self.wrong(
                    text,
                    Said::new("thư chưa có nội dung", "the mail has no text"),
                    Said::new(
                        "Hãy ghi cột Nội dung, hoặc tên mẫu ở cột Mẫu thư",
                        "Write the column Text, or a Template",
                    ),
                );
                None
            }
        }
    }

    fn template(&mut self, column: &str, name: &str) -> Option<Body> {
        let found = self
            .known
            .templates
            .iter()
            .find(|template| fold(template) == fold(name));
        if let Some(found) = found {
            return Some(Body::Template(found.clone()));
        }
        let folded: Vec<(String, &String)> = self
            .known
            .templates
            .iter()
            .map(|template| (fold(template), template))
            .collect();
        let candidates = folded
            .iter()
            .map(|(folded, template)| (folded.as_str(), *template));
        let mend = match listing::nearest(&fold(name), candidates) {
            Some(near) => Said::new(
                format!("Có phải ý bạn là “{near}”?"),
                format!("Did you mean “{near}”?"),
            ),
            None => Said::new(
                "Hãy ghi tên một thư mục trong templates/, hoặc viết thẳng vào cột Nội dung",
                "Write the name of a folder under templates/, or write the text into the column Text",
            ),
        };
        self.wrong(
            column,
            Said::new(
                format!("không có mẫu thư “{name}”"),
                format!("there is no template “{name}”"),
            ),
            mend,
        );
        None
    }

    fn check_text(&mut self, column: &str, text: &str) {
        for problem in pieces(text, &self.names).err().unwrap_or_default() {
            self.wrong(column, problem.what, problem.mend);
        }
    }

    fn attachment(&mut self, column: &str) -> Option<String> {
        let written = self.text(column)?.replace('\\', "/");
        let parts: Vec<&str> = written.split('/').map(str::trim).collect();
        let outside = parts
            .iter()
            .any(|part| part.is_empty() || *part == "." || *part == ".." || part.contains(':'));
        if outside || written.contains(['\n', '\r', '\0']) {
            self.wrong(
                column,
                Said::new(
                    format!("“{written}” không phải là tệp trong thư mục đính kèm"),
                    format!("“{written}” is no file in the folder of attachments"),
                ),
                Said::new(
                    "Hãy ghi tên tệp, ví dụ bang-gia.pdf hoặc thang-12/bang-gia.pdf; mỗi ô một tệp",
                    "Write the name of one file, such as prices.pdf or december/prices.pdf",
                ),
            );
            return None;
        }
        let path = parts.join("/");
        if let Some((what, mend)) = (self.known.attachment)(&path) {
            self.wrong(column, what, mend);
            return None;
        }
        Some(path)
    }

    /// Day and hour, of one cell or of two.
    fn send_at(&mut self) -> SendAt {
        let mut send_at = match self.cell("send_at") {
            None => SendAt::default(),
            Some(cell) => match read_moment(cell, self.known) {
                Ok(send_at) => send_at,
                Err((what, mend)) => {
                    self.wrong("send_at", what, mend);
                    return SendAt::default();
                }
            },
        };
        if let Some(cell) = self.cell("send_hour") {
            match read_hour(cell, self.known) {
                Some(time) => send_at.time = Some(time),
                None => {
                    let shown = cell.shown().into_owned();
                    self.wrong(
                        "send_hour",
                        Said::new(
                            format!("không hiểu giờ gửi “{shown}”"),
                            format!("“{shown}” is no hour"),
                        ),
                        Said::new("Hãy ghi như 9:00 hoặc 9h30", "Write it as 9:00 or 9h30"),
                    );
                }
            }
        }
        self.check_hour(send_at);
        send_at
    }

    fn check_hour(&mut self, send_at: SendAt) {
        let Some(time) = send_at.time else { return };
        let calendar = self.known.calendar;
        // Any day will do where the author names none; the hours are the same.
        let date = send_at.date.unwrap_or(jiff::civil::date(2026, 1, 5));
        let at = calendar.at_local(date, time);
        if calendar.next_ads_any_day(at) > at {
            let column = if self.cell("send_hour").is_some() {
                "send_hour"
            } else {
                "send_at"
            };
            let shown = time.strftime("%H:%M");
            let hours = &calendar.ads;
            self.wrong(
                column,
                Said::new(
                    format!("{shown} nằm ngoài khung giờ gửi thư cho khách ({hours})"),
                    format!("{shown} is outside of the hours for writing to customers ({hours})"),
                ),
                Said::new("Hãy chọn giờ trong khung này", "Choose an hour within them"),
            );
        }
    }
}

/// A day with an hour, an hour, or “at once”.
fn read_moment(cell: &Cell, known: &Known<'_>) -> Result<SendAt, (Said, Said)> {
    const AT_ONCE: [&str; 10] = [
        "ngay",
        "gui ngay",
        "ngay khi duyet",
        "ngay khi duoc duyet",
        "sau khi duyet",
        "khi duyet",
        "duyet xong gui ngay",
        "now",
        "at once",
        "asap",
    ];
    if let Cell::Text(text) = cell
        && AT_ONCE.contains(&fold(text).as_str())
    {
        return Ok(SendAt::default());
    }
    let why = match date::read(cell, known.locale, &known.calendar.zone) {
        Reading::Value(when) => {
            return Ok(SendAt {
                date: Some(when.date),
                time: when.time,
            });
        }
        Reading::Nothing => return Ok(SendAt::default()),
        Reading::Bad(why) | Reading::Ambiguous(why) => why,
    };
    if let Some(time) = read_hour(cell, known) {
        return Ok(SendAt {
            date: None,
            time: Some(time),
        });
    }
    let shown = cell.shown().trim().to_owned();
    Err((
        Said::new(
            format!("không hiểu thời gian gửi “{shown}”"),
            format!("“{shown}” is no time to send at: {why}"),
        ),
        Said::new(
            "Hãy ghi đủ ngày, tháng, năm, có thể kèm giờ, ví dụ 15/12/2026 9:00; để trống là gửi ngay khi được duyệt",
            "Write day, month and year, perhaps with an hour: 15/12/2026 9:00; empty is when it is approved",
        ),
    ))
}

/// An hour of the day: a part of a day as Sheets has it, a whole number of hours, or text such as `9h30`.
fn read_hour(cell: &Cell, known: &Known<'_>) -> Option<Time> {
    match cell {
        Cell::Number(number) if (0.0..1.0).contains(number) => {
            #[allow(clippy::cast_possible_truncation)] // Below 86 400.
            let seconds = (number * 86_400.0).round() as i64;
            Time::midnight()
                .checked_add(jiff::SignedDuration::from_secs(seconds))
                .ok()
        }
        Cell::Number(number) if number.fract() == 0.0 && (1.0..24.0).contains(number) => {
            #[allow(clippy::cast_possible_truncation)] // A whole number below 24.
            let hour = *number as i8;
            Time::new(hour, 0, 0, 0).ok()
        }
        Cell::Text(text) => {
            // The reader of dates knows every way to write an hour beside a day.
            let with_day = Cell::Text(format!("05/01/2026 {}", text.trim()).into());
            let when = date::read(&with_day, "vi_VN", &known.calendar.zone).value()?;
            when.time
        }
        Cell::Empty | Cell::Bool(_) | Cell::Number(_) => None,
    }
}

#[cfg(test)]
mod tests;
