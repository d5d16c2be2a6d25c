//! A model of an office: tabs of customers with hidden numbers, and what staff do to them.
//!
//! How a tab looks as a grid, and how it is read, is for [`super::sheet`].

use std::collections::BTreeMap;
use std::fmt;

use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::Cell;

use super::people::{AREAS, BUDGETS, OWNERS, STAGES, TYPES, email, name, note, phone};
use super::sheet::Layout;

/// Numbers drawn from a seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("smaller than a usize")
    }

    pub(crate) fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// One row and who it is. The cells are texts by field id; an absent one is empty.
#[derive(Clone, PartialEq)]
pub(crate) struct Customer {
    pub(crate) number: u32,
    texts: BTreeMap<&'static str, String>,
    /// How the row is typed: its spaces and normal form.
    noise: u8,
    /// What a row that is no customer shows.
    pub(crate) junk: Junk,
}

/// Rows that are no customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Junk {
    /// Nothing, or a customer.
    None,
    /// A section title.
    Title,
    /// A sum.
    Total,
    /// The header once more.
    Header,
    /// Tick boxes filled down too far.
    Ticks,
}

impl Customer {
    pub(crate) fn get(&self, field: &str) -> &str {
        self.texts.get(field).map_or("", String::as_str)
    }

    /// Whether anything of a customer is in the row.
    pub(crate) fn is_filled(&self) -> bool {
        !self.texts.is_empty()
    }

    fn set(&mut self, field: &'static str, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            self.texts.remove(field);
        } else {
            self.texts.insert(field, text);
        }
    }

    /// The cells as the sheet gives them, with the noise of how they were typed.
    pub(crate) fn cells(&self) -> Cells {
        use unicode_normalization::UnicodeNormalization;
        self.texts
            .iter()
            .map(|(field, text)| {
                let digits = text.chars().all(|letter| letter.is_ascii_digit());
                let cell = match self.noise {
                    1 => Cell::Text(format!(" {} ", text.replace(' ', "  ")).into()),
                    2 => Cell::Text(text.nfd().collect()),
                    3 => Cell::Text(text.replace(' ', "\u{A0}").into()),
                    4 if digits && text.len() < 15 => {
                        Cell::Number(text.parse().expect("digits are a number"))
                    }
                    _ => Cell::Text(text.into()),
                };
                ((*field).into(), cell)
            })
            .collect()
    }
}

impl fmt::Display for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<&String> = self.texts.values().collect();
        write!(f, "#{} {cells:?}", self.number)
    }
}

/// What the fields are called in a header: the usual name first, then those an admin has told as aliases.
pub(crate) const HEADERS: [(&str, &[&str]); 9] = [
    ("name", &["Họ tên", "Tên khách hàng", "HỌ VÀ TÊN"]),
    ("phone", &["SĐT", "Số điện thoại", "Điện thoại"]),
    ("email", &["Email", "E-mail", "Thư điện tử"]),
    ("type", &["Loại BĐS", "Nhu cầu"]),
    ("area", &["Khu vực", "Vị trí"]),
    ("budget", &["Ngân sách", "Tài chính"]),
    ("stage", &["Giai đoạn", "Tình trạng"]),
    ("owner", &["NV phụ trách", "Phụ trách"]),
    ("note", &["Ghi chú", "Lưu ý"]),
];

/// All tabs, what was cut and not pasted yet, and the number for the next customer.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) tabs: Vec<Vec<Customer>>,
    /// How each tab shows its customers.
    pub(crate) layouts: Vec<Layout>,
    clipboard: Vec<Customer>,
    next: u32,
}

/// One act of the staff. Its details are drawn from its own seed, so that leaving one out changes no other.
#[derive(Clone, Copy)]
pub(crate) struct Edit {
    act: Act,
    seed: u64,
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.act)
    }
}

macro_rules! acts {
    ($($act:ident $weight:literal)*) => {
        /// What can be done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Act { $($act),* }
        /// And how often.
        const ACTS: &[(Act, usize)] = &[$((Act::$act, $weight)),*];
    };
}

acts! {
    Append 6 Insert 8 Delete 6 Drag 8 DragBlock 3 CutToTab 4 CutPasteEdit 4 Sort 3
    Stage 14 Note 8 Budget 6 Owner 5 Area 2 Type 3 Several 4
    PhoneTypo 5 PhoneNew 4 NameFix 4 NameNew 2 NameAndPhone 2 EmailAdd 4 EmailFix 4
    SwapStages 1 SwapPhones 2 MovePhone 1 Clear 1 Half 2 Complete 3 SecondDeal 2 Copy 1
    TypedAgain 2 Overwrite 2 Noise 5 RepasteAll 1 TwinEdit 1 Blank 2 PasteMany 1 Couple 1
    Cut 5 CutBlock 1 Paste 6 FillDown 1 Replace 1 ShiftCells 1 SwapRows 1
    MoveColumn 3 InsertColumn 1 DropColumn 1 RenameHeader 2 Banner 1 NoCustomer 3
}

impl Edit {
    pub(crate) fn any(draw: &mut Draw) -> Self {
        let total = ACTS.iter().map(|(_, weight)| weight).sum();
        let mut at = draw.below(total);
        let mut act = Act::Append;
        for (candidate, weight) in ACTS {
            act = *candidate;
            if at < *weight {
                break;
            }
            at -= weight;
        }
        Self {
            act,
            seed: draw.next(),
        }
    }
}

impl Office {
    pub(crate) fn open(draw: &mut Draw, rows: usize, tabs: usize) -> Self {
        let mut office = Self {
            tabs: vec![Vec::new(); tabs],
            layouts: (0..tabs).map(|_| Layout::drawn(draw)).collect(),
            clipboard: Vec::new(),
            next: 1,
        };
        for _ in 0..rows {
            let tab = draw.below(tabs);
            let customer = office.someone(draw);
            office.tabs[tab].push(customer);
        }
        for _ in 0..rows / 40 {
            office.apply(Edit {
                act: Act::SecondDeal,
                seed: draw.next(),
            });
            office.apply(Edit {
                act: Act::Couple,
                seed: draw.next(),
            });
        }
        for _ in 0..rows / 120 {
            office.apply(Edit {
                act: Act::Copy,
                seed: draw.next(),
            });
        }
        office
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn someone(&mut self, draw: &mut Draw) -> Customer {
        let mut customer = Customer {
            number: self.number(),
            texts: BTreeMap::new(),
            noise: 0,
            junk: Junk::None,
        };
        customer.set("name", name(draw));
        customer.set("type", draw.one(&TYPES));
        customer.set("area", draw.one(&AREAS));
        if draw.chance(95) {
            customer.set("budget", draw.one(&BUDGETS));
        }
        customer.set(
            "stage",
            if draw.chance(40) {
                "Khách mới"
            } else {
                draw.one(&STAGES)
            },
        );
        customer.set("owner", draw.one(&OWNERS));
        if draw.chance(60) {
            customer.set("note", note(draw));
        }
        if draw.chance(94) {
            customer.set("phone", phone(draw));
        }
        if draw.chance(50) || customer.get("phone").is_empty() {
            customer.set("email", email(draw));
        }
        customer
    }

    /// A tab and a row in it that has a customer.
    fn somewhere(&self, draw: &mut Draw) -> Option<(usize, usize)> {
        let filled: Vec<(usize, usize)> = self
            .tabs
            .iter()
            .enumerate()
            .flat_map(|(tab, list)| (0..list.len()).map(move |row| (tab, row)))
            .filter(|(tab, row)| self.tabs[*tab][*row].is_filled())
            .collect();
        (!filled.is_empty()).then(|| filled[draw.below(filled.len())])
    }

    pub(crate) fn apply(&mut self, edit: Edit) {
        let mut draw = Draw::new(edit.seed);
        let draw = &mut draw;
        let Some((tab, row)) = self.somewhere(draw) else {
            return;
        };
        let done = self.columns(edit.act, draw, tab)
            || self.rows(edit.act, draw, tab, row)
            || self.blocks(edit.act, draw, tab, row);
        if !done {
            self.cells(edit.act, draw, tab, row);
        }
    }

    /// What is done to columns; false if the act is none of these.
    fn columns(&mut self, act: Act, draw: &mut Draw, tab: usize) -> bool {
        let layout = &mut self.layouts[tab];
        match act {
            Act::MoveColumn => layout.move_column(draw),
            Act::InsertColumn => layout.insert_column(draw),
            Act::DropColumn => layout.drop_column(draw),
            Act::RenameHeader => layout.rename_header(draw),
            Act::Banner => layout.banner = draw.below(3),
            _ => return false,
        }
        true
    }

    /// What is done to several rows at once, or with the clipboard; false if the act is none of these.
    fn blocks(&mut self, act: Act, draw: &mut Draw, tab: usize, row: usize) -> bool {
        let end = self.tabs[tab].len();
        let last = (row + 2 + draw.below(9)).min(end);
        match act {
            Act::Cut => {
                let moved = self.tabs[tab].remove(row);
                self.clipboard.push(moved);
            }
            Act::CutBlock => {
                let last = (row + 2 + draw.below(4)).min(end);
                self.clipboard.extend(self.tabs[tab].drain(row..last));
            }
            Act::Paste => {
                let other = draw.below(self.tabs.len());
                let at = draw.below(self.tabs[other].len() + 1);
                let block = std::mem::take(&mut self.clipboard);
                self.tabs[other].splice(at..at, block);
            }
            Act::FillDown => {
                let field = draw.one(&["owner", "stage", "area"]);
                let text = self.tabs[tab][row].get(field).to_owned();
                for customer in self.tabs[tab][row..last]
                    .iter_mut()
                    .filter(|c| c.is_filled())
                {
                    customer.set(field, text.clone());
                }
            }
            Act::Replace => {
                let field = draw.one(&["owner", "stage", "area", "type"]);
                let text = self.tabs[tab][row].get(field).to_owned();
                for customer in &mut self.tabs[tab] {
                    if !text.is_empty() && customer.get(field) == text {
                        customer.set(field, format!("{text} (mới)"));
                    }
                }
            }
            Act::ShiftCells => {
                let field = draw.one(&["stage", "note", "budget"]);
                let block = &mut self.tabs[tab][row..last];
                for at in 1..block.len() {
                    let below = block[at].get(field).to_owned();
                    if block[at - 1].is_filled() && block[at].is_filled() {
                        block[at - 1].set(field, below);
                    }
                }
            }
            Act::SwapRows => {
                let other = draw.below(end);
                self.tabs[tab].swap(row, other);
            }
            Act::NoCustomer => {
                let mut line = self.blank();
                line.junk = [Junk::Title, Junk::Total, Junk::Header, Junk::Ticks][draw.below(4)];
                self.tabs[tab].insert(row, line);
            }
            _ => return false,
        }
        true
    }

    fn blank(&mut self) -> Customer {
        Customer {
            number: self.number(),
            texts: BTreeMap::new(),
            noise: 0,
            junk: Junk::None,
        }
    }

    /// What is done to whole rows; false if the act is none of these.
    fn rows(&mut self, act: Act, draw: &mut Draw, tab: usize, row: usize) -> bool {
        let end = self.tabs[tab].len();
        match act {
            Act::Append => {
                let new = self.someone(draw);
                self.tabs[tab].push(new);
            }
            Act::PasteMany => {
                for _ in 0..3 + draw.below(15) {
                    let new = self.someone(draw);
                    self.tabs[tab].push(new);
                }
            }
            Act::Insert => {
                let new = self.someone(draw);
                self.tabs[tab].insert(row, new);
            }
            Act::Half => {
                let mut new = self.someone(draw);
                let keep_phone = draw.chance(50);
                new.texts
                    .retain(|field, _| *field == "name" || keep_phone && *field == "phone");
                self.tabs[tab].push(new);
            }
            Act::Blank => {
                let blank = self.blank();
                self.tabs[tab].insert(row, blank);
            }
            Act::Delete => {
                self.tabs[tab].remove(row);
            }
            Act::Clear => self.tabs[tab][row].texts.clear(),
            Act::Drag => {
                let moved = self.tabs[tab].remove(row);
                self.tabs[tab].insert(draw.below(end), moved);
            }
            Act::DragBlock => {
                let last = (row + 2 + draw.below(4)).min(end);
                let block: Vec<Customer> = self.tabs[tab].drain(row..last).collect();
                let to = draw.below(self.tabs[tab].len() + 1);
                self.tabs[tab].splice(to..to, block);
            }
            Act::CutToTab => {
                let moved = self.tabs[tab].remove(row);
                let other = draw.below(self.tabs.len());
                self.tabs[other].push(moved);
            }
            Act::CutPasteEdit => {
                let mut moved = self.tabs[tab].remove(row);
                moved.set("stage", draw.one(&STAGES));
                moved.set("note", note(draw));
                self.tabs[tab].push(moved);
            }
            Act::TypedAgain => {
                let mut again = self.tabs[tab].remove(row);
                again.set("budget", draw.one(&BUDGETS));
                again.set("stage", draw.one(&STAGES));
                again.set("note", "");
                self.tabs[tab].push(again);
            }
            Act::Sort => {
                let field = draw.one(&[
                    "name", "phone", "email", "type", "area", "stage", "owner", "note",
                ]);
                let down = draw.chance(40);
                self.tabs[tab].sort_by(|one, other| {
                    let order = one.get(field).cmp(other.get(field));
                    if down { order.reverse() } else { order }
                });
            }
            Act::RepasteAll => {
                for customer in &mut self.tabs[tab] {
                    customer.noise = u8::try_from(draw.below(5)).expect("below 5");
                }
            }
            Act::Copy => {
                let mut copy = self.tabs[tab][row].clone();
                copy.number = self.number();
                self.tabs[tab].push(copy);
            }
            Act::SecondDeal => {
                let first = self.tabs[tab][row].clone();
                let mut deal = self.someone(draw);
                for field in ["name", "phone", "email"] {
                    deal.set(field, first.get(field).to_owned());
                }
                let to = draw.below(end + 1);
                self.tabs[tab].insert(to, deal);
            }
            Act::Couple => {
                let first = self.tabs[tab][row].clone();
                let mut partner = self.someone(draw);
                for field in ["phone", "type", "area"] {
                    partner.set(field, first.get(field).to_owned());
                }
                self.tabs[tab].push(partner);
            }
            Act::Overwrite => {
                let new = self.someone(draw);
                self.tabs[tab][row] = new;
            }
            _ => return false,
        }
        true
    }

    /// What is done to the cells of a row.
    fn cells(&mut self, act: Act, draw: &mut Draw, tab: usize, row: usize) {
        let other = self.tabs[tab]
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != row)
            .map(|(at, _)| at)
            .collect::<Vec<_>>();
        let other = (!other.is_empty()).then(|| other[draw.below(other.len())]);
        let customer = &mut self.tabs[tab][row];
        match act {
            Act::Stage => customer.set("stage", draw.one(&STAGES)),
            Act::Note => customer.set("note", note(draw)),
            Act::Budget => customer.set("budget", draw.one(&BUDGETS)),
            Act::Owner => customer.set("owner", draw.one(&OWNERS)),
            Act::Area => customer.set("area", draw.one(&AREAS)),
            Act::Type => customer.set("type", draw.one(&TYPES)),
            Act::Several => {
                customer.set("stage", draw.one(&STAGES));
                customer.set("budget", draw.one(&BUDGETS));
                customer.set("note", note(draw));
                if draw.chance(40) {
                    customer.set("owner", draw.one(&OWNERS));
                }
            }
            Act::PhoneTypo if !customer.get("phone").is_empty() => {
                let mut digits: Vec<char> = customer.get("phone").chars().collect();
                let at = 3 + draw.below(6);
                digits.swap(at, at + 1);
                customer.set("phone", digits.into_iter().collect::<String>());
            }
            Act::PhoneNew => customer.set("phone", phone(draw)),
            Act::NameFix => {
                let fixed = customer.get("name").to_lowercase();
                customer.set("name", fixed);
            }
            Act::NameNew => customer.set("name", name(draw)),
            Act::NameAndPhone => {
                customer.set("name", name(draw));
                customer.set("phone", phone(draw));
            }
            Act::EmailAdd if customer.get("email").is_empty() => customer.set("email", email(draw)),
            Act::EmailFix if !customer.get("email").is_empty() => {
                let fixed = customer.get("email").replace("gmail", "yahoo");
                customer.set("email", fixed);
            }
            Act::Complete => {
                for (field, text) in [
                    ("type", draw.one(&TYPES)),
                    ("area", draw.one(&AREAS)),
                    ("budget", draw.one(&BUDGETS)),
                    ("owner", draw.one(&OWNERS)),
                ] {
                    if customer.get(field).is_empty() {
                        customer.set(field, text);
                    }
                }
            }
            Act::Noise => customer.noise = u8::try_from(draw.below(5)).expect("below 5"),
            Act::TwinEdit => {
                let wanted = customer.texts.clone();
                for twin in self.tabs.iter_mut().flatten().filter(|c| c.texts == wanted) {
                    twin.set("stage", "Thương lượng");
                }
            }
            Act::SwapStages | Act::SwapPhones | Act::MovePhone => {
                let Some(other) = other else { return };
                let field = if act == Act::SwapStages {
                    "stage"
                } else {
                    "phone"
                };
                let mine = self.tabs[tab][row].get(field).to_owned();
                let theirs = self.tabs[tab][other].get(field).to_owned();
                let blank = !self.tabs[tab][other].is_filled();
                if blank || act == Act::MovePhone && !theirs.is_empty() {
                    return;
                }
                self.tabs[tab][row].set(field, theirs);
                self.tabs[tab][other].set(field, mine);
            }
            _ => {}
        }
    }
}
