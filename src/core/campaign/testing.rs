//! Customers and campaigns for the tests of this room.

use std::collections::BTreeMap;

use jiff::tz::{Offset, TimeZone};
use serde_json::json;

use super::segment::Surroundings;
use super::{Body, CampaignId, Definition, Order, Origin, SendAt, Variant, Wanted, Whom};
use crate::core::insight::engagement::Course;
use crate::core::record::{Cells, Kind, Place, Record, RecordId};
use crate::core::rule::Channel;
use crate::core::sheet::field::standard_kind;
use crate::core::sheet::stage::{Stage, StageTable};
use crate::core::sheet::{Cell, FieldKind, FieldSpec, Schema};

pub(crate) fn stages() -> StageTable {
    let stage = |id: &str, label: &str, aliases: &[&str]| Stage {
        id: id.to_owned(),
        label: label.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
    };
    StageTable::new(vec![
        stage("prospect", "Khách hàng tiềm năng", &["tiềm năng", "mới"]),
        stage("consulting", "Đang tư vấn", &[]),
        stage("deposited", "Đã đặt cọc", &["đã cọc"]),
        stage("completed", "Hoàn tất giao dịch", &[]),
        stage("lost", "Không còn nhu cầu", &["mất khách"]),
    ])
    .unwrap()
}

pub(crate) fn fields() -> Vec<FieldSpec> {
    let field = |id: &str, header: &str, kind: Option<FieldKind>, private: bool| FieldSpec {
        id: id.to_owned(),
        headers: vec![header.to_owned()],
        kind: kind.or(standard_kind(id)).unwrap(),
        private,
        since: (id == "deposit_at").then(|| "deposited".to_owned()),
    };
    vec![
        field("name", "Họ tên", None, false),
        field("phone", "SĐT", None, false),
        field("email", "Email", None, false),
        field("area", "Khu vực", None, false),
        field("interest", "Loại BĐS quan tâm", None, false),
        field("budget", "Ngân sách", None, false),
        field("source", "Nguồn", None, false),
        field("owner", "NV phụ trách", None, false),
        field("stage", "Giai đoạn", None, false),
        field("received", "Ngày tiếp nhận", None, false),
        field("note", "Ghi chú", None, false),
        field("no_ads", "Không nhận tin", None, false),
        field("deposit_at", "Ngày cọc", Some(FieldKind::Date), false),
        field("commission", "Hoa hồng", Some(FieldKind::Money), true),
    ]
}

pub(crate) fn schema() -> Schema {
    Schema {
        fields: fields(),
        stages: stages(),
        locale: "vi_VN".to_owned(),
        zone: TimeZone::fixed(Offset::constant(7)),
    }
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        headers: fields()
            .into_iter()
            .map(|field| (field.id, field.headers[0].clone()))
            .collect(),
        private: ["commission".to_owned()].into(),
        stage_labels: stages()
            .stages()
            .iter()
            .map(|stage| (stage.id.clone(), stage.label.clone()))
            .collect(),
        course: Course::new(stages().stages().iter().map(|stage| {
            (
                stage.id.clone(),
                !["completed", "lost"].contains(&&*stage.id),
            )
        })),
        company: json!({"name": "Queenland"}),
        tab: "Khách hàng".to_owned(),
    }
}

/// A record: the cells as `field=text`, separated by `|`.
pub(crate) fn record(number: u32, stage: &str, cells: &str) -> Record {
    let at = "2026-08-01T02:00:00Z".parse().unwrap();
    let seen: Cells = cells
        .split('|')
        .map(|cell| {
            let (field, text) = cell.split_once('=').unwrap();
            (field.into(), Cell::from(text))
        })
        .collect();
    Record {
        id: RecordId::from_number(u128::from(number)),
        kind: Kind::Customer,
        place: Place {
            workbook: "w".to_owned(),
            sheet: 0,
            row: number + 1,
        },
        settled: Some(seen.clone()),
        seen,
        first_seen: at,
        changed_at: at,
        pending_since: None,
        events: 1,
        stage: Some(stage.to_owned()),
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
}

pub(crate) fn customers() -> Vec<Record> {
    [
        ("prospect", "name=An|area=Quận 7|budget=3-5 tỷ|owner=Lan Anh|received=15/11/2026|email=an@example.com"),
        ("consulting", "name=Bình|area=Q.7, Nhà Bè|budget=4-6 tỷ|owner=Minh|interest=Căn hộ (đầu tư)|received=01/02/2026"),
        ("consulting", "name=Chi|area=TP Thu Duc|budget=dưới 2 tỷ|owner=Minh + lan anh"),
        ("deposited", "name=Dũng|area=quận 9|budget=trên 1 tỷ|note=khách vip"),
        ("lost", "name=Em|area=Cần Thơ|budget=chưa rõ"),
        ("completed", "name=Giang|deposit_at=01/03/2026"),
    ]
    .into_iter()
    .zip(1..)
    .map(|((stage, cells), number)| record(number, stage, cells))
    .collect()
}

pub(crate) fn definition(name: &str) -> Definition {
    Definition {
        id: CampaignId::of_name(name).unwrap(),
        name: name.to_owned(),
        origin: Origin::File {
            file: "campaigns/x.toml".to_owned(),
        },
        channel: Channel::Email,
        whom: Whom::default(),
        variants: vec![Variant {
            number: 1,
            group: None,
            called: None,
            subject: "Mở bán".to_owned(),
            body: Body::Cell("Kính chào {{Họ tên}}".to_owned()),
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
