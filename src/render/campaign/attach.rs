//! Why a file cannot be attached, in the words of the staff who named it in a cell.

use std::path::Path;

use crate::core::campaign::Said;
use crate::render::files::{self, FileProblem, MOST_BYTES};

/// What is wrong with a file of the attachments folder, and what to do; nothing if it can go along.
pub fn attachment_problem(folder: &Path, name: &str) -> Option<(Said, Said)> {
    files::read(folder, name)
        .err()
        .map(|problem| told(&problem))
}

/// The same on one line.
pub fn cannot_attach(problem: &FileProblem) -> Said {
    let (what, mend) = told(problem);
    Said::new(
        format!("{}. {}", what.vi, mend.vi),
        format!("{}: {}", what.en, mend.en),
    )
}

fn told(problem: &FileProblem) -> (Said, Said) {
    let english = problem.to_string();
    let (what, mend) = match problem {
        FileProblem::Outside(name) => (
            format!("“{name}” không nằm trong thư mục đính kèm"),
            "Hãy chỉ ghi tên tệp, ví dụ bang-gia.pdf hoặc thang-12/bang-gia.pdf".to_owned(),
        ),
        FileProblem::Missing { name, .. } => (
            format!("không tìm thấy tệp “{name}” trong thư mục đính kèm"),
            "Hãy kiểm tra tên tệp, hoặc nhờ quản trị viên chép tệp vào thư mục attachments/"
                .to_owned(),
        ),
        FileProblem::Kind(name) => (
            format!("không gửi được loại tệp của “{name}”"),
            "Hãy dùng PDF, ảnh, Word, Excel hoặc PowerPoint".to_owned(),
        ),
        FileProblem::Long { name, megabytes } => (
            format!(
                "tệp “{name}” nặng {megabytes} MB, nhiều nhất là {} MB",
                MOST_BYTES / 1024 / 1024
            ),
            "Hãy nén nhỏ lại, hoặc đưa đường dẫn tải tệp vào nội dung".to_owned(),
        ),
        FileProblem::Empty(name) => (
            format!("tệp “{name}” không có nội dung"),
            "Hãy lưu lại tệp".to_owned(),
        ),
        FileProblem::Unreadable { name, said } => (
            format!("không mở được tệp “{name}” ({said})"),
            "Hãy nhờ quản trị viên xem quyền đọc của tệp".to_owned(),
        ),
    };
    // The English sentence has its mend behind the colon.
    let (what_en, mend_en) = english
        .rsplit_once(": ")
        .unwrap_or((&english, "look at the file"));
    (Said::new(what, what_en), Said::new(mend, mend_en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_are_told_what_is_wrong_with_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: usize| {
            std::fs::write(folder.path().join(name), vec![b'x'; bytes]).unwrap();
        };
        write("bang-gia.pdf", 10);
        write("rong.pdf", 0);
        write("lon.pdf", 11 * 1024 * 1024);
        let told = |name: &str| {
            attachment_problem(folder.path(), name)
                .map(|(what, mend)| format!("{}. {}", what.vi, mend.vi))
        };
        assert_eq!(told("bang-gia.pdf"), None);
        for (name, text) in [
            (
                "gia.pdf",
                "không tìm thấy tệp “gia.pdf” trong thư mục đính kèm. Hãy kiểm tra tên tệp, hoặc nhờ quản trị viên chép tệp vào thư mục attachments/",
            ),
            (
                "../x.pdf",
                "“../x.pdf” không nằm trong thư mục đính kèm. Hãy chỉ ghi tên tệp, ví dụ bang-gia.pdf hoặc thang-12/bang-gia.pdf",
            ),
            (
                "x.exe",
                "không gửi được loại tệp của “x.exe”. Hãy dùng PDF, ảnh, Word, Excel hoặc PowerPoint",
            ),
            (
                "rong.pdf",
                "tệp “rong.pdf” không có nội dung. Hãy lưu lại tệp",
            ),
            (
                "lon.pdf",
                "tệp “lon.pdf” nặng 11 MB, nhiều nhất là 10 MB. Hãy nén nhỏ lại, hoặc đưa đường dẫn tải tệp vào nội dung",
            ),
        ] {
            assert_eq!(told(name).as_deref(), Some(text));
        }
        let (what, mend) = attachment_problem(folder.path(), "rong.pdf").unwrap();
        assert_eq!(what.en, "\"rong.pdf\" is empty");
        assert_eq!(mend.en, "save it again");
    }
}
