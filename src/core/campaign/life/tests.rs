use super::*;
use crate::core::campaign::{Body, CampaignId, Origin, SendAt, Variant, Whom};
use crate::core::rule::Channel;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn definition(wanted: Wanted, text: &str) -> Definition {
    Definition {
        id: CampaignId::from_text("tet"),
        name: "Tết".into(),
        origin: Origin::File {
            file: "campaigns/tet.toml".into(),
        },
        channel: Channel::Email,
        whom: Whom {
            everyone: true,
            ..Whom::default()
        },
        variants: vec![Variant {
            number: 1,
            group: None,
            called: None,
            subject: "Chúc mừng năm mới".into(),
            body: Body::Cell(text.into()),
            attachment: None,
        }],
        send_at: SendAt::default(),
        order: crate::core::campaign::Order::default(),
        wanted,
        author: None,
        ad: true,
        places: std::collections::BTreeMap::new(),
    }
}

fn new(definition: Definition) -> Campaign {
    let mut campaign = Campaign::new(
        definition.id.clone(),
        &definition.name,
        definition.origin.clone(),
        at(0),
    );
    campaign.written(Ok(definition), at(0));
    campaign
}

fn asked(campaign: &Campaign) -> Asked {
    Asked {
        number: campaign.next_question(),
        at: at(10),
        definition: campaign.definition.clone().unwrap(),
        recipients: 3,
        left_out: Vec::new(),
        differs: Vec::new(),
    }
}

fn approved() -> Campaign {
    let mut campaign = new(definition(Wanted::Ready, "A"));
    campaign.ask(asked(&campaign));
    campaign.approve(1, "Lan".into(), at(100), at(20)).unwrap();
    campaign
}

#[test]
fn a_draft_is_asked_about_when_its_author_says_it_is_ready() {
    let mut campaign = new(definition(Wanted::Draft, "A"));
    assert_eq!(campaign.state(at(1)), State::Draft);
    campaign.written(Ok(definition(Wanted::Draft, "A")), at(1));
    assert!(!campaign.to_ask);
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(2));
    assert!(campaign.to_ask);
    assert_eq!(campaign.state(at(2)), State::Preparing);
    campaign.ask(asked(&campaign));
    assert_eq!(campaign.state(at(11)), State::Asked);
}

#[test]
fn two_managers_who_press_at_once_count_once() {
    let mut campaign = approved();
    assert_eq!(
        campaign.approve(1, "Tuấn".into(), at(200), at(21)),
        Err(NotNow::AlreadyApproved)
    );
    assert_eq!(
        campaign.send_back(1, "Tuấn".into(), Some(""), at(21)),
        Err(NotNow::AlreadyApproved)
    );
    assert_eq!(campaign.run.as_ref().unwrap().by, Actor::from("Lan"));
    assert_eq!(campaign.state(at(50)), State::Approved);
    assert_eq!(campaign.state(at(100)), State::Sending);
}

#[test]
fn an_edit_after_the_approval_asks_again_and_what_was_approved_stays() {
    let mut campaign = approved();
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(30));
    assert!(campaign.to_ask && campaign.runs());
    let run = campaign.run.clone().unwrap();
    assert_eq!(run.definition, definition(Wanted::Ready, "A"));
    campaign.ask(asked(&campaign));
    assert_eq!(
        campaign.state(at(40)),
        State::Asked,
        "its hour has not come"
    );
    campaign.approve(2, "Lan".into(), at(100), at(50)).unwrap();
    let run = campaign.run.clone().unwrap();
    assert_eq!(run.definition, definition(Wanted::Ready, "B"));
    // An edit that is taken back leaves nothing to ask.
    campaign.written(Ok(definition(Wanted::Ready, "C")), at(51));
    campaign.ask(asked(&campaign));
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(52));
    assert!(!campaign.to_ask && campaign.asked.is_none());
    assert_eq!(
        campaign.approve(3, "Lan".into(), at(100), at(53)),
        Err(NotNow::NotAsked)
    );
}

#[test]
fn the_queue_waits_until_all_of_what_was_approved_last_is_written_down() {
    let mut campaign = approved();
    assert_eq!(campaign.waits_for(at(150)), Some("sheetbridge"));
    campaign.running().unwrap().frozen = true;
    assert_eq!(campaign.waits_for(at(150)), None);
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(160));
    assert_eq!(
        campaign.waits_for(at(160)),
        None,
        "its hour has come: it goes on"
    );
    campaign.ask(asked(&campaign));
    campaign.approve(2, "Lan".into(), at(170), at(165)).unwrap();
    assert_eq!(campaign.waits_for(at(180)), Some("sheetbridge"));
    // Asked before the hour, and not answered when it comes.
    let mut campaign = approved();
    campaign.running().unwrap().frozen = true;
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(50));
    assert_eq!(campaign.waits_for(at(50)), Some("sheetbridge"));
    campaign.running().unwrap().held = true;
    assert_eq!(campaign.waits_for(at(150)), Some("sheetbridge"));
    campaign.written(Ok(definition(Wanted::Ready, "A")), at(160));
    assert_eq!(campaign.waits_for(at(160)), None, "the edit was taken back");
}

#[test]
fn an_edit_while_managers_are_asked_makes_the_question_void() {
    let mut campaign = new(definition(Wanted::Ready, "A"));
    campaign.ask(asked(&campaign));
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(5));
    assert!(campaign.to_ask && campaign.asked.is_none());
    assert_eq!(
        campaign.approve(1, "Lan".into(), at(9), at(6)),
        Err(NotNow::NotAsked)
    );
}

#[test]
fn a_campaign_that_was_sent_back_waits_for_its_author() {
    let mut campaign = new(definition(Wanted::Ready, "A"));
    campaign.ask(asked(&campaign));
    campaign
        .send_back(1, "Lan".into(), Some("giá cũ"), at(5))
        .unwrap();
    assert_eq!(campaign.state(at(5)), State::Returned);
    campaign.written(Ok(definition(Wanted::Draft, "A")), at(6));
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(7));
    assert!(campaign.to_ask && campaign.returned.is_none());
}

#[test]
fn its_row_pauses_resumes_and_stops_it() {
    let mut campaign = approved();
    campaign.written(Ok(definition(Wanted::Paused, "A")), at(150));
    assert_eq!(campaign.state(at(150)), State::Paused);
    campaign.written(Ok(definition(Wanted::Ready, "A")), at(160));
    assert_eq!(campaign.state(at(160)), State::Sending);
    campaign.written(Ok(definition(Wanted::Stopped, "A")), at(170));
    assert_eq!(campaign.state(at(170)), State::Stopped);
    campaign.written(Ok(definition(Wanted::Ready, "B")), at(180));
    assert!(!campaign.to_ask, "what was stopped is over");
    let mut campaign = approved();
    campaign.removed(at(150));
    assert_eq!(campaign.state(at(150)), State::Stopped);
    assert_eq!(campaign.running().err(), Some(NotNow::Over));
}

#[test]
fn a_manager_s_pause_is_not_ended_by_the_sheet() {
    let mut campaign = approved();
    campaign.running().unwrap().paused = Some(Halt {
        by: "Lan".into(),
        at: at(120),
        why: Why::Unsaid,
    });
    campaign.written(Ok(definition(Wanted::Paused, "A")), at(130));
    campaign.written(Ok(definition(Wanted::Ready, "A")), at(140));
    assert_eq!(campaign.state(at(140)), State::Paused);
}
