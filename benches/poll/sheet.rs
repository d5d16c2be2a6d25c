//! A generated workbook of Vietnamese customers as the JSON of a `values.batchGet`, compressed.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the sheet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As it is first seen.
    First,
    /// One row in a hundred edited, and the whole sheet sorted by name.
    EditedAndSorted,
}

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub rows: usize,
    pub columns: usize,
}

/// The headers; the first [`Size::columns`] of them are used.
pub const HEADERS: [&str; 20] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Nguồn",
    "Ngân sách",
    "Khu vực",
    "Loại BĐS",
    "Ngày nhận",
    "Ghi chú",
    "Dự án",
    "Nhu cầu",
    "Hướng",
    "Diện tích",
    "Nghề nghiệp",
    "Quê quán",
    "Ngân hàng",
    "Kênh liên hệ",
    "Đánh giá",
];

const FAMILY: [&str; 8] = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Đặng", "Bùi", "Võ"];
const MIDDLE: [&str; 8] = [
    "Thị Hồng",
    "Văn",
    "Minh",
    "Quốc",
    "Thanh",
    "Đức",
    "Ngọc",
    "Hữu",
];
const GIVEN: [&str; 10] = [
    "An", "Bình", "Cường", "Dung", "Hương", "Khánh", "Loan", "Phát", "Thảo", "Yến",
];
const STAGES: [&str; 5] = [
    "Tiềm năng",
    "Đang tư vấn",
    "Đã hẹn xem",
    "Đã cọc",
    "Không còn nhu cầu",
];
const OWNERS: [&str; 4] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"];
const WORDS: [&str; 12] = [
    "căn góc hai mặt tiền",
    "gần trường học",
    "gọi lại sau 18h",
    "đã gửi bảng giá",
    "xem nhà mẫu cuối tuần",
    "vay ngân hàng 70%",
    "thích tầng trung",
    "hướng Đông Nam",
    "mua để ở",
    "đầu tư cho thuê",
    "cần bán nhà cũ trước",
    "hỏi thêm pháp lý",
];

/// A number that looks drawn, the same each time.
fn drawn(seed: usize, salt: usize) -> usize {
    let mut x = (seed as u64) ^ ((salt as u64) << 32) ^ 0x9E37_79B9_7F4A_7C15;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((x ^ (x >> 31)) >> 1).unwrap_or(0)
}

fn one_of<'a>(list: &[&'a str], seed: usize, salt: usize) -> &'a str {
    list[drawn(seed, salt) % list.len()]
}

/// The cells of a customer.
pub fn customer(number: usize, edited: bool) -> [String; 20] {
    let pick = |list: &[&str], salt: usize| one_of(list, number, salt).to_owned();
    let words = |salt: usize| {
        format!(
            "{}, {}",
            one_of(&WORDS, number, salt),
            one_of(&WORDS, number, salt + 100)
        )
    };
    [
        format!(
            "{} {} {}",
            one_of(&FAMILY, number, 1),
            one_of(&MIDDLE, number, 2),
            one_of(&GIVEN, number, 3)
        ),
        format!("09{:08}", drawn(number, 4) % 100_000_000),
        format!("khach{number}@example.com"),
        pick(&STAGES, 5),
        pick(&OWNERS, 6),
        pick(&["Facebook", "Zalo", "Website", "Giới thiệu"], 7),
        format!("{},{} tỷ", 1 + drawn(number, 8) % 9, drawn(number, 9) % 10),
        pick(&["Quận 7", "Thủ Đức", "Bình Thạnh", "Gò Vấp", "Nhà Bè"], 10),
        pick(&["Căn hộ", "Nhà phố", "Đất nền", "Biệt thự"], 11),
        format!(
            "{}/{}/2026",
            1 + drawn(number, 13) % 28,
            1 + drawn(number, 14) % 10
        ),
        if edited {
            format!("{} - đã gọi lại", words(15))
        } else {
            words(15)
        },
        pick(&["Queen Riverside", "Sunrise City", "Vạn Phúc"], 12),
        words(16),
        pick(&["Đông", "Tây", "Nam", "Bắc", "Đông Nam"], 17),
        format!("{} m2", 45 + drawn(number, 18) % 120),
        pick(&["Kinh doanh", "Giáo viên", "Bác sĩ", "Kỹ sư"], 19),
        pick(&["Cần Thơ", "Hà Nội", "Đà Nẵng", "Bình Dương"], 20),
        pick(&["Vietcombank", "BIDV", "Techcombank"], 21),
        pick(&["Gọi điện", "Nhắn Zalo", "Gặp trực tiếp"], 22),
        pick(&["Rất quan tâm", "Đang so sánh", "Cần theo dõi"], 23),
    ]
}

/// The customers of a sheet in the order of its rows.
pub fn order(size: Size, variant: Variant) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..size.rows).collect();
    if variant == Variant::EditedAndSorted {
        numbers.sort_by_cached_key(|&number| (customer(number, false)[0].clone(), number));
    }
    numbers
}

/// Whether a customer's note is edited.
pub fn is_edited(number: usize, variant: Variant) -> bool {
    variant == Variant::EditedAndSorted && number % 100 == 7
}

/// The body of the answer, compressed as Google does, and how long it is without.
pub fn body(size: Size, variant: Variant) -> (Vec<u8>, usize) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    let mut length = 0;
    let mut put = |text: &str| {
        length += text.len();
        gzip.write_all(text.as_bytes())
            .expect("a Vec takes every byte");
    };
    put(&format!(
        "{{\"spreadsheetId\":\"1Bench\",\"valueRanges\":[{{\"range\":\"'Khách hàng'!A1:T{}\",\"majorDimension\":\"ROWS\",\"values\":[",
        size.rows + 1
    ));
    let mut row = String::new();
    write_row(&mut row, HEADERS.iter().take(size.columns).copied());
    put(&row);
    for number in order(size, variant) {
        row.clear();
        row.push(',');
        let cells = customer(number, is_edited(number, variant));
        write_row(
            &mut row,
            cells.iter().take(size.columns).map(String::as_str),
        );
        put(&row);
    }
    put("]}]}");
    (gzip.finish().expect("a Vec takes every byte"), length)
}

fn write_row<'a>(into: &mut String, cells: impl Iterator<Item = &'a str>) {
    into.push('[');
    for (at, cell) in cells.enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(into, "{comma}\"{cell}\"");
    }
    into.push(']');
}
