//! A model of an office: tabs of customers with hidden numbers, and what staff do to them.

use std::collections::BTreeMap;
use std::fmt;

use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::Cell;

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

    fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
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
}

impl Customer {
    pub(crate) fn get(&self, field: &str) -> &str {
        self.texts.get(field).map_or("", String::as_str)
    }

    fn set(&mut self, field: &'static str, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            self.texts.remove(field);
        } else {
            self.texts.insert(field, text);
        }
    }

    pub(crate) fn person(&self) -> Option<(&str, &str)> {
        let key = if self.get("phone").is_empty() {
            self.get("email")
        } else {
            self.get("phone")
        };
        (!key.is_empty()).then(|| (self.get("name"), key))
    }

    /// The cells as the sheet gives them, with the noise of how they were typed.
    pub(crate) fn cells(&self) -> Cells {
        use unicode_normalization::UnicodeNormalization;
        self.texts
            .iter()
            .map(|(field, text)| {
                let digits = text.chars().all(|letter| letter.is_ascii_digit());
                let cell = match self.noise {
                    1 => Cell::Text(format!(" {} ", text.replace(' ', "  "))),
                    2 => Cell::Text(text.nfd().collect()),
                    3 => Cell::Text(text.replace(' ', "\u{A0}")),
                    4 if digits && text.len() < 15 => {
                        Cell::Number(text.parse().expect("digits are a number"))
                    }
                    _ => Cell::Text(text.clone()),
                };
                ((*field).to_owned(), cell)
            })
            .collect()
    }
}

impl fmt::Display for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "#{} {:?}",
            self.number,
            self.texts.values().collect::<Vec<_>>()
        )
    }
}

const FAMILY: [&str; 12] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
];
const MIDDLE: [&str; 12] = [
    "Văn",
    "Thị",
    "Hữu",
    "Ngọc",
    "Minh",
    "Thanh",
    "Đình",
    "Quốc",
    "Thị Kim",
    "Anh",
    "Thu",
    "Khánh",
];
const GIVEN: [&str; 24] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Hải", "Hằng", "Hiếu", "Hoa", "Hùng", "Hương",
    "Khánh", "Lan", "Linh", "Long", "Mai", "Nam", "Ngân", "Phát", "Quân", "Sơn", "Tài", "Trâm",
];
const TYPES: [&str; 7] = [
    "Căn hộ 2PN",
    "Căn hộ 3PN",
    "Studio",
    "Nhà phố",
    "Biệt thự",
    "Đất nền",
    "Shophouse",
];
const AREAS: [&str; 12] = [
    "Quận 2",
    "Quận 7",
    "Quận 9",
    "Quận 12",
    "Thủ Đức",
    "Bình Thạnh",
    "Gò Vấp",
    "Tân Phú",
    "Nhà Bè",
    "Bình Chánh",
    "Phú Nhuận",
    "Tân Bình",
];
const BUDGETS: [&str; 16] = [
    "1,2 tỷ",
    "1,5 tỷ",
    "2 tỷ",
    "2,5 tỷ",
    "2,8 tỷ",
    "3 tỷ",
    "3,2 tỷ",
    "3500000000",
    "4 tỷ",
    "4500000000",
    "5-6 tỷ",
    "6,5 tỷ",
    "7,5 tỷ",
    "10 tỷ",
    "dưới 2 tỷ",
    "trên 15 tỷ",
];
const STAGES: [&str; 6] = [
    "Khách mới",
    "Đang tư vấn",
    "Đã xem nhà",
    "Thương lượng",
    "Đặt cọc",
    "Ngưng",
];
const OWNERS: [&str; 5] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo", "Hải Yến"];
const NOTES: [&str; 10] = [
    "Gọi lại ngày ",
    "Cần vay ",
    "Thích view sông, tầng ",
    "Vợ chồng trẻ, con ",
    "Zalo số ",
    "Hẹn xem nhà ",
    "Đã cọc triệu ",
    "Không gọi trước giờ ",
    "Khách của anh Hòa lần ",
    "Chê hướng tây lô ",
];

/// All tabs, and the number for the next customer.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) tabs: Vec<Vec<Customer>>,
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
            .filter(|(tab, row)| !self.tabs[*tab][*row].texts.is_empty())
            .collect();
        (!filled.is_empty()).then(|| filled[draw.below(filled.len())])
    }

    pub(crate) fn apply(&mut self, edit: Edit) {
        let mut draw = Draw::new(edit.seed);
        let draw = &mut draw;
        let Some((tab, row)) = self.somewhere(draw) else {
            return;
        };
        if !self.rows(edit.act, draw, tab, row) {
            self.cells(edit.act, draw, tab, row);
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
                let blank = Customer {
                    number: self.number(),
                    texts: BTreeMap::new(),
                    noise: 0,
                };
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
                let blank = self.tabs[tab][other].texts.is_empty();
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

fn name(draw: &mut Draw) -> String {
    format!(
        "{} {} {}",
        draw.one(&FAMILY),
        draw.one(&MIDDLE),
        draw.one(&GIVEN)
    )
}

fn phone(draw: &mut Draw) -> String {
    let prefix = draw.one(&[
        "090", "091", "093", "097", "098", "038", "070", "079", "085",
    ]);
    format!("{prefix}{:07}", draw.below(10_000_000))
}

fn email(draw: &mut Draw) -> String {
    let letters = [
        "an", "binh", "chau", "dung", "giang", "hai", "lan", "linh", "mai", "quan",
    ];
    let domain = draw.one(&["gmail.com", "yahoo.com", "outlook.com"]);
    format!(
        "{}{}{}@{domain}",
        draw.one(&letters),
        draw.one(&letters),
        draw.below(10_000)
    )
}

fn note(draw: &mut Draw) -> String {
    format!("{}{}", draw.one(&NOTES), 1 + draw.below(40))
}
