//! What customers are called, where they can be reached and what they want, drawn at random.

use super::office::Draw;

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
pub(crate) const TYPES: [&str; 7] = [
    "Căn hộ 2PN",
    "Căn hộ 3PN",
    "Studio",
    "Nhà phố",
    "Biệt thự",
    "Đất nền",
    "Shophouse",
];
pub(crate) const AREAS: [&str; 12] = [
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
pub(crate) const BUDGETS: [&str; 16] = [
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
pub(crate) const STAGES: [&str; 6] = [
    "Khách mới",
    "Đang tư vấn",
    "Đã xem nhà",
    "Thương lượng",
    "Đặt cọc",
    "Ngưng",
];
pub(crate) const OWNERS: [&str; 5] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo", "Hải Yến"];
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

pub(crate) fn name(draw: &mut Draw) -> String {
    format!(
        "{} {} {}",
        draw.one(&FAMILY),
        draw.one(&MIDDLE),
        draw.one(&GIVEN)
    )
}

pub(crate) fn phone(draw: &mut Draw) -> String {
    let prefix = draw.one(&[
        "090", "091", "093", "097", "098", "038", "070", "079", "085",
    ]);
    format!("{prefix}{:07}", draw.below(10_000_000))
}

pub(crate) fn email(draw: &mut Draw) -> String {
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

pub(crate) fn note(draw: &mut Draw) -> String {
    format!("{}{}", draw.one(&NOTES), 1 + draw.below(40))
}
