//! Charts drawn and looked at as pictures: their size, that letters leave ink, and that odd figures do no harm.
//! The pictures stay in the target folder's `tmp/charts/`, for people to look at.

#![allow(clippy::unwrap_used)] // A test that cannot go on may stop.

use resvg::tiny_skia::Pixmap;
use sheetbridge::render::Language;
use sheetbridge::render::chart::{
    Bar, Chart, Estimate, Page, Panel, Stack, Step, Unit, WIDTH, png, svg,
};

/// Telegram's limits for a photo (Bot API, `sendPhoto`): the sides together, and the longer over the shorter.
const SIDES: u32 = 10_000;
const RATIO: u32 = 20;

fn drawn(name: &str, page: &Page, language: Language) -> Pixmap {
    let bytes = png(page, language).unwrap();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), &bytes).unwrap();
    let picture = Pixmap::decode_png(&bytes).unwrap();
    assert_eq!(picture.width(), WIDTH, "{name}");
    assert!(
        picture.width() + picture.height() <= SIDES,
        "{name}: {}",
        picture.height()
    );
    assert!(picture.height() / picture.width() <= RATIO, "{name}");
    assert!(picture.height() >= 100, "{name}: {}", picture.height());
    assert!(bytes.len() < 1_000_000, "{name}: {} bytes", bytes.len());
    picture
}

/// Dark pixels of a part of a picture, by columns and rows.
fn ink(picture: &Pixmap, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) -> usize {
    let dark = |x, y| picture.pixel(x, y).is_some_and(|pixel| pixel.green() < 110);
    rows.map(|y| columns.clone().filter(|x| dark(*x, y)).count())
        .sum()
}

fn panel(title: &str, chart: Chart) -> Panel {
    Panel {
        title: title.to_owned(),
        chart,
        note: None,
    }
}

fn bar(label: &str, value: f64) -> Bar {
    Bar {
        label: label.to_owned(),
        value,
        ..Bar::default()
    }
}

fn bars(rows: Vec<Bar>) -> Chart {
    Chart::Bars {
        unit: Unit::Count,
        rows,
    }
}

fn page(panels: Vec<Panel>) -> Page {
    Page {
        title: "Báo cáo thứ Hai 23/11/2026".into(),
        subtitle: "Công ty Bất động sản Đất Việt · 08:00".into(),
        panels,
    }
}

/// What a digest is like on a good day.
fn usual() -> Page {
    let step = |label: &str, count| Step {
        label: label.into(),
        count,
        rate: None,
    };
    let ages = ["0–3 ngày", "4–7", "8–14", "15–30", "trên 30 ngày"];
    let stack = |label: &str, parts: [f64; 5]| Stack {
        label: label.into(),
        parts: parts.into(),
    };
    page(vec![
        panel(
            "Phễu 30 ngày qua",
            Chart::Funnel(vec![
                step("Khách mới", 412.0),
                step("Đang tư vấn", 287.0),
                step("Đã hẹn xem nhà mẫu", 96.0),
                step("Đặt cọc", 21.0),
                step("Ký hợp đồng", 9.0),
            ]),
        ),
        Panel {
            note: Some(
                "Tính theo ngày làm việc; khách chưa rõ vào giai đoạn từ ngày nào không có ở đây."
                    .into(),
            ),
            ..panel(
                "Khách ở từng giai đoạn bao lâu rồi",
                Chart::Stacked {
                    legend: ages.map(str::to_owned).into(),
                    rows: vec![
                        stack("Khách mới", [31.0, 10.0, 4.0, 1.0, 2.0]),
                        stack("Đang tư vấn", [12.0, 18.0, 25.0, 40.0, 61.0]),
                        stack("Đã hẹn", [9.0, 2.0, 0.0, 0.0, 0.0]),
                    ],
                },
            )
        },
        panel(
            "Chờ quá lâu, theo người phụ trách",
            bars(vec![
                Bar {
                    highlighted: true,
                    note: Some("lâu nhất 41 ngày".into()),
                    ..bar("Nguyễn Thị Ngọc Ánh", 17.0)
                },
                Bar {
                    note: Some("lâu nhất 9 ngày".into()),
                    ..bar("Trần Quốc Đạt", 6.0)
                },
                bar("Chưa có người phụ trách", 2.0),
            ]),
        ),
        panel(
            "Đặt cọc tháng này so với mục tiêu",
            Chart::Bars {
                unit: Unit::Money,
                rows: vec![
                    Bar {
                        target: Some(5e9),
                        ..bar("Nguyễn Thị Ngọc Ánh", 3.24e9)
                    },
                    Bar {
                        target: Some(3e9),
                        ..bar("Trần Quốc Đạt", 4.1e9)
                    },
                    Bar {
                        target: Some(3e9),
                        ..bar("Lê Vy", 0.35e9)
                    },
                ],
            },
        ),
        panel(
            "Doanh thu dự kiến trong 90 ngày",
            Chart::Figure(Estimate {
                unit: Unit::Money,
                value: 12.4e9,
                interval: Some((7.9e9, 18.2e9)),
            }),
        ),
    ])
}

#[test]
fn a_usual_page_in_both_languages() {
    let picture = drawn("usual", &usual(), Language::Vietnamese);
    assert!(ink(&picture, 40..700, 30..120) > 500, "the title");
    let text = svg(&usual(), Language::Vietnamese);
    for says in [
        "70%",
        "3,2 tỷ / 5 tỷ",
        "350 triệu",
        "7,9 tỷ",
        "vạch đen: mục tiêu",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    drawn("usual-en", &usual(), Language::English);
    let text = svg(&usual(), Language::English);
    assert!(text.contains("3.2 billion ₫ / 5 billion ₫"), "{text}");
}

#[test]
fn many_rows_long_names_and_one_bar_a_thousand_times_the_others() {
    let stages = [
        "Khách mới",
        "Gọi không nghe máy",
        "Đang tư vấn",
        "Đã gửi bảng giá và chính sách bán hàng đợt 2",
        "Hẹn xem nhà mẫu",
        "Đã xem nhà mẫu",
        "Đàm phán",
        "Giữ chỗ",
        "Đặt cọc",
        "Ký hợp đồng",
        "Bàn giao",
        "Ngừng theo dõi vì hết nhu cầu hoặc không đủ tài chính",
    ];
    let mut twelve: Vec<Bar> = stages.iter().map(|stage| bar(stage, 4.0)).collect();
    twelve[2].value = 4_000.0;
    let names = [
        "Nguyễn Hữu Thắng",
        "Trần Đặng Quỳnh Như",
        "Công Tằng Tôn Nữ Ngọc Khuê",
        "Lê Ỷ Lan",
        "Vũ Ưỡng",
        "Ẩn",
    ];
    let staff = |n: usize| format!("{} {}", names[n % names.len()], n + 1);
    let thirty: Vec<Bar> = (0..30_u8)
        .map(|n| bar(&staff(n.into()), f64::from(30 - n)))
        .collect();
    let ages: Vec<Stack> = (0..30_u8)
        .map(|n| Stack {
            label: staff(n.into()),
            parts: vec![1.0, f64::from(n), 2.0, 0.0, f64::from(30 - n)],
        })
        .collect();
    let legend = ["0–3", "4–7", "8–14", "15–30", "> 30 ngày"]
        .map(str::to_owned)
        .to_vec();
    let many = page(vec![
        panel("Khách theo giai đoạn", bars(twelve.clone())),
        panel("Theo người phụ trách", bars(thirty)),
        panel("Bao lâu rồi", Chart::Stacked { legend, rows: ages }),
        panel(
            "Phễu",
            Chart::Funnel(
                twelve
                    .iter()
                    .map(|bar| Step {
                        label: bar.label.clone(),
                        count: bar.value,
                        rate: None,
                    })
                    .collect(),
            ),
        ),
    ]);
    drawn("many", &many, Language::Vietnamese);
    let text = svg(&many, Language::Vietnamese);
    assert!(text.contains("Còn lại (15)"), "the rest is added up");
    assert!(text.contains(">120<"), "15 + 14 + … + 1");
    assert!(text.contains("4.000") && text.contains('…'));
    let endless = page(vec![panel("Khách", bars(twelve)); 40]);
    drawn("endless", &endless, Language::Vietnamese);
}

#[test]
fn nothing_says_so() {
    let zero = page(vec![
        panel(
            "Khách theo giai đoạn",
            bars(vec![bar("Mới", 0.0), bar("Hẹn", 0.0)]),
        ),
        panel("Không có ai", bars(Vec::new())),
        panel("Phễu", Chart::Funnel(vec![Step::default()])),
        panel(
            "Tuổi",
            Chart::Stacked {
                legend: vec!["0–3".into()],
                rows: Vec::new(),
            },
        ),
        panel(
            "Doanh thu",
            Chart::Figure(Estimate {
                unit: Unit::Money,
                value: f64::NAN,
                interval: None,
            }),
        ),
    ]);
    drawn("nothing", &zero, Language::Vietnamese);
    assert_eq!(
        svg(&zero, Language::Vietnamese)
            .matches("Chưa có số liệu")
            .count(),
        5
    );
    drawn("empty", &Page::default(), Language::English);
    assert!(svg(&Page::default(), Language::English).contains("Nothing to show yet"));
}

#[test]
fn odd_numbers_do_no_harm() {
    let odd = [f64::NAN, f64::INFINITY, -5.0, 1e300, 1e-9, 0.0, 3.5];
    let rows: Vec<Bar> = odd
        .iter()
        .map(|value| Bar {
            target: Some(*value),
            ..bar("x", *value)
        })
        .collect();
    let parts = Stack {
        label: "x".into(),
        parts: odd.into(),
    };
    let page = page(vec![
        panel("", bars(rows)),
        panel(
            "Tuổi",
            Chart::Stacked {
                legend: Vec::new(),
                rows: vec![parts],
            },
        ),
        panel(
            "Số",
            Chart::Figure(Estimate {
                unit: Unit::Money,
                value: 5e9,
                interval: Some((5e9, 5e9)),
            }),
        ),
        panel(
            "Số",
            Chart::Figure(Estimate {
                unit: Unit::Count,
                value: 0.0,
                interval: Some((0.0, 0.0)),
            }),
        ),
        panel(
            "Số",
            Chart::Figure(Estimate {
                unit: Unit::Days,
                value: 4.5,
                interval: None,
            }),
        ),
    ]);
    drawn("odd", &page, Language::Vietnamese);
    let text = svg(&page, Language::Vietnamese);
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn text_of_the_sheet_is_escaped() {
    let name = r#"<script>&amp;"An" 'x' </text><rect width="9"/>"#;
    let page = Page {
        title: name.into(),
        subtitle: name.into(),
        panels: vec![Panel {
            title: name.into(),
            note: Some(name.into()),
            chart: bars(vec![Bar {
                note: Some(name.into()),
                ..bar(name, 3.0)
            }]),
        }],
    };
    drawn("escaped", &page, Language::Vietnamese);
    let text = svg(&page, Language::Vietnamese);
    assert!(
        !text.contains("<script") && text.contains("&lt;script&gt;&amp;amp;&quot;An&quot;"),
        "{text}"
    );
    // Lone surrogates cannot be in a text; what XML forbids can.
    let control = Page {
        title: "a\u{0}\u{1}\u{b}\u{fffe}b".into(),
        ..Page::default()
    };
    drawn("control", &control, Language::Vietnamese);
}

#[test]
fn every_letter_leaves_ink() {
    let vowels = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ";
    let letters = format!(
        "{vowels}{}bcdđghklmnpqrstvxĐ0123456789₫·–“”…%",
        vowels.to_uppercase()
    );
    let letters: Vec<char> = letters.chars().collect();
    for sixteen in letters.chunks(16) {
        let rows = sixteen
            .iter()
            .map(|letter| bar(&letter.to_string(), 1.0))
            .collect();
        let page = Page {
            panels: vec![panel("x", bars(rows))],
            ..Page::default()
        };
        let name = format!("letter-{:x}", u32::from(sixteen[0]));
        let picture = drawn(&name, &page, Language::Vietnamese);
        // Rows of one height stand at the end of the page; what is not the bar is the letter.
        let last = picture.height() - 40;
        for (place, letter) in sixteen.iter().enumerate() {
            let from_end = u32::try_from(sixteen.len() - place).unwrap();
            let top = last - from_end * 58;
            assert!(
                ink(&picture, 50..100, top..top + 58) > 4,
                "{letter} in {name}"
            );
        }
    }
}
