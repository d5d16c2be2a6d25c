//! Any line on the control socket: read as the daemon reads it, and answered by the desk.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use sheetbridge::commands::{Desk, Request, Who};
use sheetbridge_fuzz::{desk, now};

fuzz_target!(|bytes: &[u8]| {
    static DESK: OnceLock<Desk> = OnceLock::new();
    let Ok(request) = serde_json::from_slice::<Request>(bytes) else {
        return;
    };
    let desk = DESK.get_or_init(desk);
    let _ = desk.answer(&request, &Who::CommandLine, now());
    let again = serde_json::to_vec(&request).expect("JSON");
    serde_json::from_slice::<Request>(&again).expect("what is asked can be asked again");
});
