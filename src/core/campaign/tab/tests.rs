//! The tab from poll to poll, as text: a row a line, `name | state | text`.

use super::*;

const SETTLE: SignedDuration = SignedDuration::from_secs(20);

struct Tab {
    state: TabState,
    over: Vec<&'static str>,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn sheet(rows: &[(u32, &str)]) -> Sheet {
    let columns = [
        ("name", "A", "Tên chiến dịch"),
        ("state", "B", "Trạng thái"),
        ("text", "C", "Nội dung"),
    ];
    Sheet {
        workbook: "w".into(),
        sheet: 7,
        title: "Chiến dịch".into(),
        columns: columns
            .iter()
            .map(|(id, letter, header)| {
                (
                    (*id).to_owned(),
                    ((*letter).to_owned(), (*header).to_owned()),
                )
            })
            .collect(),
        rows: rows
            .iter()
            .map(|(row, text)| Row {
                row: *row,
                cells: columns
                    .iter()
                    .zip(text.split('|'))
                    .filter(|(_, cell)| !cell.trim().is_empty())
                    .map(|((id, _, _), cell)| ((*id).to_owned(), Cell::from(cell.trim())))
                    .collect(),
            })
            .collect(),
    }
}

impl Tab {
    fn new() -> Self {
        Self {
            state: TabState::default(),
            over: Vec::new(),
        }
    }

    fn poll(&mut self, second: i64, rows: &[(u32, &str)]) -> String {
        let (events, _) = watch(&mut self.state, &sheet(rows), at(second), SETTLE, |id| {
            self.over.contains(&id.as_str())
        });
        let told = events.iter().map(|event| match event {
            Event::Settled { id } => format!("settled {id}"),
            Event::Halt { id, wanted } => format!("{wanted:?} {id}"),
            Event::Gone { id, name } => format!("gone {id} ({name})"),
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn problems(&self) -> Vec<String> {
        self.state
            .problems
            .iter()
            .map(|problem| problem.text(true))
            .collect()
    }
}

#[test]
fn a_row_counts_when_it_has_been_quiet() {
    let mut tab = Tab::new();
    assert_eq!(tab.poll(0, &[(2, "Mở bán||Chào")]), "");
    assert_eq!(tab.poll(10, &[(2, "Mở bán|Sẵn|Chào")]), "");
    assert_eq!(tab.poll(20, &[(2, "Mở bán|Sẵn sàng|Chào")]), "");
    assert_eq!(next_due(&tab.state, SETTLE), Some(at(40)));
    assert_eq!(tab.poll(39, &[(2, "Mở bán|Sẵn sàng|Chào")]), "");
    assert_eq!(
        tab.poll(40, &[(2, "Mở bán|Sẵn sàng|Chào")]),
        "settled mo-ban"
    );
    assert_eq!(next_due(&tab.state, SETTLE), None);
    assert_eq!(tab.poll(90, &[(2, "Mở bán|Sẵn sàng|Chào")]), "");
    // Undone before it settled: it never happened.
    assert_eq!(tab.poll(100, &[(2, "Mở bán|Sẵn sàng|Chào anh")]), "");
    assert_eq!(tab.poll(110, &[(2, "Mở bán|Sẵn sàng|Chào")]), "");
    assert_eq!(tab.poll(200, &[(2, "Mở bán|Sẵn sàng|Chào")]), "");
}

#[test]
fn stopping_counts_at_first_sight() {
    let mut tab = Tab::new();
    tab.poll(0, &[(2, "Mở bán|Sẵn sàng|Chào")]);
    tab.poll(30, &[(2, "Mở bán|Sẵn sàng|Chào")]);
    assert_eq!(
        tab.poll(40, &[(2, "Mở bán|Tạm dừng|Chào")]),
        "Paused mo-ban"
    );
    assert_eq!(tab.poll(45, &[(2, "Mở bán|Dừng|Chào")]), "Stopped mo-ban");
    assert_eq!(tab.poll(65, &[(2, "Mở bán|Dừng|Chào")]), "settled mo-ban");
}

#[test]
fn a_row_keeps_its_campaign_when_it_is_moved_or_renamed() {
    let mut tab = Tab::new();
    let first = [(2, "Mở bán|Sẵn sàng|Chào A"), (3, "Tri ân|Sẵn sàng|Chào B")];
    tab.poll(0, &first);
    assert_eq!(tab.poll(30, &first), "settled mo-ban, settled tri-an");
    // Sorted, and one renamed at the same time.
    let second = [
        (5, "Tri ân khách cũ|Sẵn sàng|Chào B"),
        (9, "Mở bán|Sẵn sàng|Chào A"),
    ];
    assert_eq!(tab.poll(40, &second), "");
    assert_eq!(tab.poll(60, &second), "settled tri-an");
    let kept = &tab.state.rows[&CampaignId::from_text("tri-an")];
    assert_eq!((kept.name.as_str(), kept.row), ("Tri ân khách cũ", 5));
    assert_eq!(tab.state.rows.len(), 2);
}

#[test]
fn a_row_that_is_gone_is_told_once_and_cut_and_paste_is_not_gone() {
    let mut tab = Tab::new();
    let both = [(2, "Mở bán|Sẵn sàng|Chào A"), (3, "Tri ân|Sẵn sàng|Chào B")];
    tab.poll(0, &both);
    tab.poll(30, &both);
    assert_eq!(tab.poll(40, &both[..1]), "");
    assert_eq!(tab.poll(50, &both), "");
    assert_eq!(tab.poll(60, &both[..1]), "");
    assert_eq!(tab.poll(80, &both[..1]), "gone tri-an (Tri ân)");
    assert_eq!(tab.poll(90, &both[..1]), "");
}

#[test]
fn an_emptied_tab_is_an_accident() {
    let mut tab = Tab::new();
    let both = [(2, "Mở bán|Sẵn sàng|Chào A"), (3, "Tri ân|Sẵn sàng|Chào B")];
    tab.poll(0, &both);
    tab.poll(30, &both);
    assert_eq!(tab.poll(40, &[]), "");
    assert_eq!(tab.poll(900, &[]), "");
    assert_eq!(
        tab.problems(),
        [
            "Trang “Chiến dịch”, dòng 1: trang trống, 2 chiến dịch vừa biến mất cùng lúc. Nếu là nhầm, hãy hoàn tác (Ctrl+Z); nếu đúng là muốn dừng, hãy dừng từng chiến dịch qua bot"
        ]
    );
    assert_eq!(tab.poll(910, &both), "");
    assert_eq!(tab.problems(), [""; 0]);
}

#[test]
fn two_rows_of_one_name_are_named_both_and_neither_counts() {
    let mut tab = Tab::new();
    let one = [(2, "Mở bán|Sẵn sàng|Chào A")];
    tab.poll(0, &one);
    tab.poll(30, &one);
    let two = [(2, "Mở bán|Sẵn sàng|Chào A"), (6, "MO BAN|Sẵn sàng|Chào B")];
    assert_eq!(tab.poll(40, &two), "");
    assert_eq!(tab.poll(90, &two), "");
    assert_eq!(
        tab.problems(),
        [
            "Trang “Chiến dịch”, ô A6 (Tên chiến dịch): dòng 2 và 6 cùng tên “Mở bán”. Hãy đổi tên một dòng; đến lúc đó các dòng này chưa được tính"
        ]
    );
    assert!(tab.state.rows[&CampaignId::from_text("mo-ban")].doubled);
    let mended = [
        (2, "Mở bán|Sẵn sàng|Chào A"),
        (6, "Mở bán 2|Sẵn sàng|Chào B"),
    ];
    assert_eq!(tab.poll(100, &mended), "");
    assert_eq!(tab.poll(120, &mended), "settled mo-ban-2");
}

#[test]
fn the_name_of_a_campaign_that_is_over_makes_another_one() {
    let mut tab = Tab::new();
    tab.over = vec!["chuc-tet", "chuc-tet-2"];
    tab.poll(0, &[(2, "Chúc Tết|Sẵn sàng|Chào")]);
    assert_eq!(
        tab.poll(20, &[(2, "Chúc Tết|Sẵn sàng|Chào")]),
        "settled chuc-tet-3"
    );
    // A row that stays is the campaign that it was, also when that is over.
    tab.over.push("chuc-tet-3");
    assert_eq!(tab.poll(40, &[(2, "Chúc Tết|Đã gửi|Chào")]), "");
    assert_eq!(
        tab.poll(60, &[(2, "Chúc Tết|Đã gửi|Chào")]),
        "settled chuc-tet-3"
    );
}

#[test]
fn a_row_without_a_name_is_a_problem_only_when_it_is_ready() {
    let mut tab = Tab::new();
    tab.poll(0, &[(2, "||Chào")]);
    assert_eq!(tab.problems(), [""; 0]);
    tab.poll(5, &[(2, "|Gửi duyệt|Chào")]);
    assert_eq!(
        tab.problems(),
        [
            "Trang “Chiến dịch”, ô A2 (Tên chiến dịch): chiến dịch chưa có tên. Hãy ghi tên; chưa có tên thì dòng này chưa được tính"
        ]
    );
}

#[test]
fn the_digest_knows_what_a_row_says_wherever_it_stands() {
    let mut tab = Tab::new();
    tab.poll(0, &[(2, "Mở bán|Sẵn sàng|Chào")]);
    let digest = |tab: &Tab| tab.state.rows[&CampaignId::from_text("mo-ban")].digest();
    assert_eq!(digest(&tab), None);
    tab.poll(20, &[(2, "Mở bán|Sẵn sàng|Chào")]);
    let first = digest(&tab);
    tab.poll(40, &[(9, "Mở bán|Sẵn sàng|Chào")]);
    assert_eq!(digest(&tab), first);
    tab.poll(60, &[(9, "Mở bán|Sẵn sàng|Chào!")]);
    tab.poll(80, &[(9, "Mở bán|Sẵn sàng|Chào!")]);
    assert_ne!(digest(&tab), first);
}
