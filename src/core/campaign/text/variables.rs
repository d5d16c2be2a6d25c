//! The variables that every text of a campaign may use, as the documentation lists them.

/// A variable that every text may use, beside the headers of the sheet.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// As it is written between the braces.
    pub name: &'static str,
    /// What it is: in Vietnamese and in English.
    pub what: (&'static str, &'static str),
    /// What it may show: in Vietnamese and in English.
    pub example: (&'static str, &'static str),
}

const fn variable(
    name: &'static str,
    what: (&'static str, &'static str),
    example: (&'static str, &'static str),
) -> Variable {
    Variable {
        name,
        what,
        example,
    }
}

/// All of them, in the order of the documentation.
pub const VARIABLES: &[Variable] = &[
    variable(
        "greeting",
        (
            "Cách xưng hô kèm tên",
            "How the customer is addressed, with the name",
        ),
        ("Anh An", "Anh An"),
    ),
    variable(
        "pronoun",
        ("Đại từ viết thường", "The pronoun within a sentence"),
        ("anh", "anh"),
    ),
    variable(
        "name",
        ("Họ tên đầy đủ", "The full name"),
        ("Nguyễn Văn An", "Nguyễn Văn An"),
    ),
    variable(
        "name.full",
        ("Họ tên đầy đủ", "The full name"),
        ("Nguyễn Văn An", "Nguyễn Văn An"),
    ),
    variable("name.given", ("Tên", "The given name"), ("An", "An")),
    variable(
        "name.title",
        ("Danh xưng ghi trong ô tên", "The title in the name cell"),
        ("Anh", "Anh"),
    ),
    variable(
        "phone",
        ("Số điện thoại", "The phone number"),
        ("0901 234 567", "0901 234 567"),
    ),
    variable(
        "email",
        ("Email", "The e-mail address"),
        ("an@example.com", "an@example.com"),
    ),
    variable("budget", ("Ngân sách", "The budget"), ("3-5 tỷ", "3-5 tỷ")),
    variable(
        "area",
        ("Khu vực quan tâm", "The area"),
        ("Quận 7", "Quận 7"),
    ),
    variable(
        "interest",
        ("Loại bất động sản quan tâm", "The kind of property"),
        ("Căn hộ 2PN", "Căn hộ 2PN"),
    ),
    variable(
        "source",
        ("Nguồn khách", "Where the customer comes from"),
        ("Facebook", "Facebook"),
    ),
    variable(
        "stage_label",
        ("Giai đoạn", "The stage"),
        ("Đang tư vấn", "Đang tư vấn"),
    ),
    variable(
        "received",
        ("Ngày tiếp nhận", "The day of receipt"),
        ("03/11/2026", "03/11/2026"),
    ),
    variable(
        "appointment",
        ("Ngày giờ hẹn", "The appointment"),
        ("15/12/2026 9:00", "15/12/2026 9:00"),
    ),
    variable(
        "birthday",
        ("Ngày sinh", "The birthday"),
        ("28/02/1990", "28/02/1990"),
    ),
    variable(
        "owner",
        ("Nhân viên phụ trách", "The person in charge"),
        ("Lan Anh", "Lan Anh"),
    ),
    variable(
        "owner.email",
        (
            "Email của nhân viên phụ trách",
            "The mailbox of the person in charge",
        ),
        ("lan.anh@queenland.example", "lan.anh@queenland.example"),
    ),
    variable(
        "company.name",
        ("Tên công ty", "The company's name"),
        ("Queenland", "Queenland"),
    ),
    variable(
        "company.phone",
        ("Điện thoại công ty", "The company's telephone"),
        ("028 3822 9999", "028 3822 9999"),
    ),
    variable(
        "company.email",
        ("Email công ty", "The company's mailbox"),
        ("lienhe@queenland.example", "lienhe@queenland.example"),
    ),
    variable(
        "company.address",
        ("Địa chỉ công ty", "The company's address"),
        ("12 Lê Lợi, Quận 1", "12 Lê Lợi, Quận 1"),
    ),
    variable(
        "company.website",
        ("Trang web công ty", "The company's website"),
        ("https://queenland.example", "https://queenland.example"),
    ),
    variable(
        "today",
        ("Ngày gửi", "The day of sending"),
        ("15/12/2026", "15/12/2026"),
    ),
    variable(
        "unsubscribe_url",
        (
            "Địa chỉ trang từ chối nhận tin",
            "The address of the opt-out page",
        ),
        (
            "https://crm.queenland.example/u/…",
            "https://crm.queenland.example/u/…",
        ),
    ),
];
