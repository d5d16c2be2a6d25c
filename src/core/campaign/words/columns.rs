//! Every column of the campaign tab: its headers, what belongs in it, and an example, as the documentation
//! and `campaign init` have them.

/// One column of the tab.
#[derive(Clone, Copy, Debug)]
pub struct ColumnWords {
    /// What it is called in a file, and in `columns` of the configuration.
    pub id: &'static str,
    /// The headers it may have, Vietnamese ones first; the first is the one that `campaign init` writes.
    pub headers: &'static [&'static str],
    /// The header that `campaign init` writes where the language is English.
    pub english: &'static str,
    /// What belongs in it: Vietnamese and English, for the note at the header and for the documentation.
    pub what: (&'static str, &'static str),
    /// An example in both languages.
    pub example: (&'static str, &'static str),
}

const fn column(
    id: &'static str,
    headers: &'static [&'static str],
    english: &'static str,
    what: (&'static str, &'static str),
    example: (&'static str, &'static str),
) -> ColumnWords {
    ColumnWords {
        id,
        headers,
        english,
        what,
        example,
    }
}

/// Every column but those of further groups, in the order in which `campaign init` writes them.
pub const COLUMNS: &[ColumnWords] = &[
    column(
        "name",
        &[
            "Tên chiến dịch",
            "Chiến dịch",
            "Tên",
            "Campaign name",
            "Campaign",
            "Name",
        ],
        "Campaign name",
        (
            "Tên gọi, mỗi chiến dịch một tên",
            "What it is called, one name for each",
        ),
        ("Mở bán Sunrise đợt 2", "Sunrise launch 2"),
    ),
    column(
        "state",
        &["Trạng thái", "Tình trạng", "State", "Status"],
        "State",
        (
            "Để trống: đang soạn. Sẵn sàng: nhờ quản lý duyệt. Tạm dừng, Dừng: có hiệu lực ngay",
            "Empty: being written. Ready: asks a manager. Paused, Stopped: at once",
        ),
        ("Sẵn sàng", "Ready"),
    ),
    column(
        "channel",
        &["Kênh", "Kênh gửi", "Channel"],
        "Channel",
        (
            "Gửi qua đâu; để trống là email",
            "By what it goes; empty is e-mail",
        ),
        ("Email", "Email"),
    ),
    column(
        "stage",
        &[
            "Giai đoạn",
            "Giai đoạn khách",
            "Tình trạng khách",
            "Trạng thái khách",
            "Stage",
        ],
        "Stage",
        (
            "Giai đoạn của khách; nhiều giá trị cách nhau bằng dấu phẩy; tất cả; trừ …",
            "Stages of the customers; several with commas; all; except …",
        ),
        ("Khách hàng tiềm năng, Đang tư vấn", "Prospect, Consulting"),
    ),
    column(
        "interest",
        &[
            "Loại BĐS",
            "Loại bất động sản",
            "Loại hình",
            "Loại BĐS quan tâm",
            "Nhu cầu",
            "Property type",
            "Interest",
        ],
        "Property type",
        (
            "Loại bất động sản khách quan tâm",
            "The kinds of property they look for",
        ),
        ("Căn hộ, Nhà phố", "Apartment, Townhouse"),
    ),
    column(
        "area",
        &["Khu vực", "Area"],
        "Area",
        (
            "Khu vực khách quan tâm; Q.7 và Quận 7 là một",
            "Areas; Q.7 and Quận 7 are one",
        ),
        ("Quận 7, Thủ Đức", "Quận 7, Thủ Đức"),
    ),
    column(
        "project",
        &["Dự án", "Project"],
        "Project",
        ("Dự án khách quan tâm", "The projects they ask for"),
        ("Sunrise City", "Sunrise City"),
    ),
    column(
        "budget",
        &["Ngân sách", "Tầm giá", "Tài chính", "Budget"],
        "Budget",
        (
            "Khoảng tiền; khách có ngân sách giao với khoảng này",
            "An interval; the customers whose budget overlaps it",
        ),
        ("3-5 tỷ", "3-5 tỷ"),
    ),
    column(
        "budget_from",
        &["Ngân sách từ", "Giá từ", "Budget from"],
        "Budget from",
        (
            "Thay cho cột Ngân sách: từ",
            "Instead of the column Budget: from",
        ),
        ("3 tỷ", "3 tỷ"),
    ),
    column(
        "budget_to",
        &["Ngân sách đến", "Giá đến", "Budget to"],
        "Budget to",
        (
            "Thay cho cột Ngân sách: đến",
            "Instead of the column Budget: to",
        ),
        ("5 tỷ", "5 tỷ"),
    ),
    column(
        "source",
        &["Nguồn", "Nguồn khách", "Source"],
        "Source",
        ("Khách đến từ đâu", "Where they come from"),
        ("Facebook, Website", "Facebook, Website"),
    ),
    column(
        "owner",
        &[
            "NV phụ trách",
            "Phụ trách",
            "Nhân viên phụ trách",
            "Người phụ trách",
            "Owner",
        ],
        "Owner",
        ("Khách của nhân viên nào", "Whose customers"),
        ("Lan Anh", "Lan Anh"),
    ),
    column(
        "dealings",
        &[
            "Giao dịch",
            "Giao dịch trước đây",
            "Lịch sử",
            "Dealings",
            "History",
        ],
        "Dealings",
        (
            "Từng đặt cọc, chưa mua, đã gửi thư 30 ngày, chưa gửi thư 30 ngày, mới 7 ngày, cũ hơn 90 ngày",
            "deposited before, never bought, mailed 30 days, not mailed 30 days, new 7 days, older than 90 days",
        ),
        (
            "chưa mua, chưa gửi thư 30 ngày",
            "never bought, not mailed 30 days",
        ),
    ),
    column(
        "condition",
        &[
            "Điều kiện",
            "Điều kiện khác",
            "Điều kiện riêng",
            "Condition",
        ],
        "Condition",
        (
            "Điều kiện viết như trong kịch bản tự động, khi các cột trên chưa đủ",
            "A condition as rules have it, where the columns above do not reach",
        ),
        (
            "budget.max >= 3 * ty and 'vip' in note",
            "budget.max >= 3 * ty and 'vip' in note",
        ),
    ),
    column(
        "subject",
        &["Tiêu đề", "Tiêu đề thư", "Chủ đề", "Subject"],
        "Subject",
        (
            "Tiêu đề thư; [QC] được tự thêm",
            "The subject; [QC] is put before it",
        ),
        (
            "{{ greeting }} ơi, Sunrise mở bán đợt 2",
            "{{ greeting }}, Sunrise opens again",
        ),
    ),
    column(
        "text",
        &["Nội dung", "Nội dung thư", "Text", "Content", "Body"],
        "Text",
        (
            "Nội dung thư: **đậm**, *nghiêng*, [chữ](https://…), - danh sách, {{Họ tên|Anh/Chị}}",
            "What it says: **bold**, *italic*, [text](https://…), - lists, {{Họ tên|Anh/Chị}}",
        ),
        (
            "Kính chào {{ greeting }},\n\nDự án **Sunrise** …",
            "Dear {{ greeting }},\n\n**Sunrise** …",
        ),
    ),
    column(
        "template",
        &["Mẫu thư", "Mẫu", "Template"],
        "Template",
        (
            "Tên mẫu trong templates/, thay cho Nội dung",
            "A template under templates/, instead of the text",
        ),
        ("mo-ban", "launch"),
    ),
    column(
        "attachment",
        &["Đính kèm", "Tệp đính kèm", "File đính kèm", "Attachment"],
        "Attachment",
        (
            "Tệp trong thư mục đính kèm",
            "A file in the folder of attachments",
        ),
        ("bang-gia/sunrise-12-2026.pdf", "prices/sunrise-12-2026.pdf"),
    ),
    column(
        "send_at",
        &[
            "Gửi lúc",
            "Ngày gửi",
            "Thời gian gửi",
            "Lịch gửi",
            "Send at",
            "Send on",
            "Send date",
        ],
        "Send at",
        (
            "Ngày, có thể kèm giờ; để trống: ngay khi được duyệt",
            "A day, perhaps with an hour; empty: when it is approved",
        ),
        ("15/12/2026 9:00", "15/12/2026 9:00"),
    ),
    column(
        "send_hour",
        &["Giờ gửi", "Giờ", "Send hour", "Hour"],
        "Send hour",
        (
            "Giờ, nếu cột trên chỉ có ngày",
            "The hour, if the column before has only the day",
        ),
        ("9h30", "9:30"),
    ),
    column(
        "order",
        &["Thứ tự gửi", "Thứ tự", "Ưu tiên", "Order"],
        "Order",
        (
            "Mới nhất trước (mặc định), Cũ nhất trước, Ngân sách cao trước, Theo bảng",
            "Newest first (default), Oldest first, Largest budget first, As in the sheet",
        ),
        ("Mới nhất trước", "Newest first"),
    ),
    column(
        "author",
        &[
            "Người soạn",
            "Người tạo",
            "Người lập",
            "Author",
            "Created by",
        ],
        "Author",
        (
            "Ai soạn; người này nhận lý do khi bị trả lại",
            "Who wrote it, and is told if it is returned",
        ),
        ("Thu Hà", "Thu Hà"),
    ),
    column(
        "ad",
        &["Quảng cáo", "Là quảng cáo", "Advertising", "Ad"],
        "Advertising",
        (
            "Để trống là có. Không: thư chăm sóc, thông báo, không gắn [QC]",
            "Empty is yes. No: service mail, without [QC]",
        ),
        ("Có", "Yes"),
    ),
    column(
        "note",
        &["Ghi chú", "Note", "Notes"],
        "Note",
        (
            "Cho người đọc bảng, không gửi đi",
            "For the readers of the sheet, never sent",
        ),
        ("", ""),
    ),
];
