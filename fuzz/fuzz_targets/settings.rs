//! Any text in place of the configuration: it is refused with places and mends, or loads, and loads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sheetbridge_fuzz::load;

fuzz_target!(|bytes: &[u8]| {
    // The environment is empty; files outside of the folder are none of a fuzzer's business.
    if bytes.windows(2).any(|two| two == b"/." || two == b"..")
        || bytes.contains(&b'/') && bytes.windows(4).any(|four| four == b"/dev")
    {
        return;
    }
    match load(bytes) {
        Ok(config) => {
            let _ = config.warnings_report(false, 100);
            assert!(load(bytes).is_ok());
        }
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            let _ = (errors.report(false, 100), errors.json());
        }
    }
});
