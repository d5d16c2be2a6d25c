//! What a campaign costs before it goes: the audience of 100 000 among half a million records with a
//! condition, and every mail of it rendered: `cargo bench --bench campaign`.
//!
//! First in memory: reading records from the store and keeping the merge values are not in it. The yardstick is what
//! nobody can do without: going over the same records and writing as many bytes of finished mail. Then the same
//! through the store, with the messages written down.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub
)]

#[path = "campaign/store.rs"]
mod store;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use serde_json::json;
use sheetbridge::core::campaign::audience::{Audience, Outcome};
use sheetbridge::core::campaign::samples::{Samples, Traits};
use sheetbridge::core::campaign::segment::{Customer, History, Segment, Surroundings, Synonyms};
use sheetbridge::core::campaign::text::Names;
use sheetbridge::core::campaign::{
    Body, CampaignId, Choice, Definition, Order, Origin, SendAt, Variant, Wanted, Whom,
};
use sheetbridge::core::record::{Cells, Kind, Place, Record, RecordId};
use sheetbridge::core::rule::Channel;
use sheetbridge::core::sheet::field::standard_kind;
use sheetbridge::core::sheet::stage::{Stage, StageTable};
use sheetbridge::core::sheet::{Cell, FieldSpec, Schema};
use sheetbridge::render::{CampaignText, Language, Letter, Templates};

/// As the daemon has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS: u32 = 500_000;

/// One in five is in the segment.
const ONE_IN: u32 = 5;

const CONDITION: &str = "budget.max >= 3 * ty and note is containing 'nha mau' and not no_ads";

const TEXT: &str = "Kính chào **{{ greeting }}**,\n\n\
Dự án **Sunrise City** tại {{Khu vực|khu vực anh/chị quan tâm}} vừa mở bán đợt 2, hợp với ngân sách {{Ngân sách}} của {{ pronoun }}:\n\n\
- Căn 2 phòng ngủ từ 3,2 tỷ\n- Căn 3 phòng ngủ từ 4,8 tỷ\n- Chiết khấu 3 % trong tuần đầu\n\n\
[Xem bảng giá](https://queenland.example/sunrise?khach={{Họ tên|ban}})\n\n\
Trân trọng,\n{{ owner }}";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [what, step, count, folder] = args.as_slice()
        && what == "step"
    {
        let count = count.parse().expect("a number");
        return store::step(step, count, std::path::Path::new(folder));
    }
    let count = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(RECORDS);
    let now = "2026-11-22T02:00:00Z".parse().expect("a time");
    let (schema, around) = (schema(), surroundings());
    let campaign = definition();
    let synonyms = Synonyms::new([(
        "area".to_owned(),
        ["Quận 7", "Q.7", "Phú Mỹ Hưng"].map(String::from).into(),
    )]);

    let began = Measure::now();
    let bytes: usize = records(count).map(|record| record.seen.len()).sum();
    let making = began.done();
    println!(
        "{count} records, {bytes} cells; making them up: {making}, which is taken off below\n"
    );

    let began = Measure::now();
    let segment = Segment::new(&campaign, &synonyms, now).expect("a segment");
    let mut audience = Audience::new(&segment, Order::Newest);
    for record in records(count) {
        let customer = customer(&record, &schema, &around);
        let taken: Result<(), Infallible> =
            audience.take(&customer, || Ok(History::default()), |_| Ok(None));
        taken.expect("nothing can fail");
    }
    let outcome = audience.finish(&campaign);
    let judged = began.done().less(making);
    println!(
        "audience: {} of {} chosen, {} left out, {} problems: {judged}",
        outcome.chosen.len(),
        outcome.looked_at,
        outcome.left_out.len(),
        outcome.problems.len(),
    );
    let rendered = preview(count, &campaign, &schema, &around, &outcome, now, making);
    let yardstick = yardstick(outcome.chosen.len(), rendered.1);
    println!("yardstick: as many bytes written: {yardstick}");
    let whole = judged.cpu + rendered.0.cpu;
    println!(
        "\naudience and preview together: {whole:.1} s of CPU (at most 30 s on 2 cores), {:.0} MB at the most (at most 300)",
        peak_mb()
    );
    store::all(count);
}

/// Renders everybody's mail, as the preview does before anybody is asked. The record of each is looked up
/// by going over all of them once more.
fn preview(
    count: u32,
    campaign: &Definition,
    schema: &Schema,
    around: &Surroundings,
    outcome: &Outcome,
    now: jiff::Timestamp,
    making: Measured,
) -> (Measured, usize) {
    let began = Measure::now();
    let templates = Templates::load(None, Language::Vietnamese).expect("the shipped templates");
    let text: CampaignText = templates
        .campaign_text(&campaign.variants[0], &Names::new(&schema.fields))
        .expect("a text");
    let letter = Letter {
        company: json!({"name": "Queenland", "address": "12 Lê Lợi, Quận 1", "phone": "028 3822 9999", "email": "lienhe@queenland.example", "website": null}),
        optout: json!({"url": "https://crm.queenland.example/u/AbCdEfGhIjKlMnOpQrStUv", "email": "lienhe@queenland.example", "phone": null}),
        today: "2026-12-15".to_owned(),
        now: "2026-12-15T09:00:00".to_owned(),
    };
    let mut chosen: Vec<&str> = outcome
        .chosen
        .iter()
        .map(|one| one.record.as_str())
        .collect();
    chosen.sort_unstable();
    let mut samples = Samples::default();
    let (mut bytes, mut kept, mut mails) = (0, 0, 0);
    for record in records(count) {
        if chosen.binary_search(&record.id.as_str()).is_err() {
            continue;
        }
        let facts = customer(&record, schema, around).facts_for(text.needs(), now);
        let merge = text.merge(&facts).expect("no value is missing");
        let mail = text.render(&merge, &letter).expect("a mail");
        samples.take(
            mails,
            Traits {
                letters: mail.text.len(),
                fallbacks: merge.fallbacks(),
                name_letters: record.seen["name"].shown().len(),
                variant: 0,
            },
        );
        kept += serde_json::to_string(&merge).map_or(0, |json| json.len());
        bytes += mail.text.len() + mail.html.len() + mail.subject.len();
        mails += 1;
    }
    let rendered = began.done().less(making);
    println!(
        "preview: {mails} mails, {} bytes each, {} bytes of values kept for each, samples {:?}: {rendered}",
        bytes / mails.max(1),
        kept / mails.max(1),
        samples.choose(),
    );
    (rendered, bytes)
}

fn yardstick(mails: usize, bytes: usize) -> Measured {
    let began = Measure::now();
    let each = "x".repeat(bytes / mails.max(1));
    let mut sum = 0;
    for number in 0..mails {
        let mail = std::hint::black_box(format!("{each}{number}"));
        sum += mail.len();
    }
    std::hint::black_box(sum);
    began.done()
}

fn customer<'a>(record: &'a Record, schema: &'a Schema, around: &'a Surroundings) -> Customer<'a> {
    Customer {
        record,
        cells: &record.seen,
        row: record.place.row,
        schema,
        surroundings: around,
    }
}

/// The cells of a customer, whose number counts from 1.
fn cells_of(number: u32) -> [(&'static str, String); 9] {
    const AREAS: [&str; 8] = [
        "Thủ Đức",
        "Bình Thạnh",
        "Q.2",
        "Nhà Bè, Cần Giờ",
        "Gò Vấp",
        "Tân Bình",
        "Quận 1",
        "Dĩ An",
    ];
    const IN: [&str; 3] = ["Quận 7", "Q.7, Nhà Bè", "quan 7"];
    const NAMES: [&str; 5] = [
        "Anh Nguyễn Văn An",
        "Chị Trần Thị Bình",
        "Lê Minh Châu",
        "Phạm Gia Dũng",
        "Vũ Hải",
    ];
    let n = number as usize;
    let inside = number.is_multiple_of(ONE_IN);
    let area = if inside { IN[n % 3] } else { AREAS[n % 8] };
    let budget = if inside {
        "3-5 tỷ"
    } else {
        ["dưới 2 tỷ", "tầm 4 tỷ", "6 tỷ rưỡi"][n % 3]
    };
    [
        ("name", format!("{} {number}", NAMES[n % 5])),
        ("phone", format!("09{number:08}")),
        ("email", format!("khach{number}@example.com")),
        ("area", area.to_owned()),
        ("budget", budget.to_owned()),
        ("source", "Facebook".to_owned()),
        ("owner", "Lan Anh".to_owned()),
        (
            "received",
            format!("{:02}/{:02}/2026", n % 28 + 1, n % 11 + 1),
        ),
        (
            "note",
            "đã gọi, hẹn xem nhà mẫu cuối tuần, thích tầng cao".to_owned(),
        ),
    ]
}

fn records(count: u32) -> impl Iterator<Item = Record> {
    let at = "2026-08-01T02:00:00Z".parse().expect("a time");
    (1..=count).map(move |number| {
        let n = number as usize;
        let seen: Cells = cells_of(number)
            .iter()
            .map(|(field, text)| ((*field).into(), Cell::from(text.as_str())))
            .collect();
        Record {
            id: RecordId::from_number(u128::from(number)),
            kind: Kind::Customer,
            place: Place {
                workbook: "w".to_owned(),
                sheet: 0,
                row: number + 1,
            },
            settled: None,
            seen,
            first_seen: at,
            changed_at: at,
            pending_since: None,
            events: 0,
            stage: Some(["prospect", "consulting"][n % 2].to_owned()),
            stage_since: None,
            stage_after: None,
            stage_seen: None,
            stage_event: 0,
            active_at: at,
            gone: None,
            removed: false,
            open_rules: BTreeMap::new(),
            baseline: true,
            ambiguous_since: None,
            own: BTreeMap::new(),
            known_before: None,
        }
    })
}

fn definition() -> Definition {
    let any = |words: &[&str]| Choice {
        any: words.iter().map(|&word| word.to_owned()).collect(),
        none: Vec::new(),
    };
    Definition {
        id: CampaignId::from_text("bench"),
        name: "Mở bán".to_owned(),
        origin: Origin::File {
            file: "campaigns/bench.toml".to_owned(),
        },
        channel: Channel::Email,
        whom: Whom {
            stages: any(&["prospect", "consulting"]),
            areas: any(&["Quận 7"]),
            condition: Some(CONDITION.to_owned()),
            ..Whom::default()
        },
        variants: vec![Variant {
            number: 1,
            group: None,
            called: None,
            subject: "{{ greeting }} ơi, Sunrise mở bán đợt 2".to_owned(),
            body: Body::Cell(TEXT.to_owned()),
            attachment: None,
        }],
        send_at: SendAt::default(),
        order: Order::Newest,
        wanted: Wanted::Ready,
        author: None,
        ad: true,
        places: BTreeMap::new(),
    }
}

fn schema() -> Schema {
    let field = |(id, header): (&str, &str)| FieldSpec {
        id: id.to_owned(),
        headers: vec![header.to_owned()],
        kind: standard_kind(id).expect("a standard field"),
        private: false,
        since: None,
    };
    let stage = |id: &str, label: &str| Stage {
        id: id.to_owned(),
        label: label.to_owned(),
        aliases: Vec::new(),
    };
    Schema {
        fields: [
            ("name", "Họ tên"),
            ("phone", "SĐT"),
            ("email", "Email"),
            ("area", "Khu vực"),
            ("budget", "Ngân sách"),
            ("source", "Nguồn"),
            ("owner", "NV phụ trách"),
            ("received", "Ngày tiếp nhận"),
            ("note", "Ghi chú"),
            ("no_ads", "Không nhận tin"),
        ]
        .map(field)
        .into(),
        stages: StageTable::new(vec![
            stage("prospect", "Tiềm năng"),
            stage("consulting", "Đang tư vấn"),
        ])
        .expect("stages"),
        locale: "vi_VN".to_owned(),
        zone: jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(7)),
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        headers: schema()
            .fields
            .into_iter()
            .map(|field| (field.id, field.headers[0].clone()))
            .collect(),
        company: json!({"name": "Queenland"}),
        tab: "Khách hàng".to_owned(),
        ..Surroundings::default()
    }
}

/// CPU time of the process: the machine has other work.
struct Measure {
    cpu: f64,
    wall: Instant,
}

#[derive(Clone, Copy)]
struct Measured {
    cpu: f64,
    wall: f64,
}

impl Measure {
    fn now() -> Self {
        Self {
            cpu: cpu_s(),
            wall: Instant::now(),
        }
    }

    fn done(&self) -> Measured {
        Measured {
            cpu: cpu_s() - self.cpu,
            wall: self.wall.elapsed().as_secs_f64(),
        }
    }
}

impl Measured {
    fn less(self, other: Self) -> Self {
        Self {
            cpu: (self.cpu - other.cpu).max(0.0),
            wall: (self.wall - other.wall).max(0.0),
        }
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} s of CPU, {:.1} s", self.cpu, self.wall)
    }
}

/// User and system time, in hundredths of a second as Linux counts them.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let field = |n: usize| {
        after
            .split(' ')
            .nth(n)
            .and_then(|x| x.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (field(11) + field(12)) / 100.0
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = peak
        .and_then(|text| text.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default();
    kb / 1024.0
}
