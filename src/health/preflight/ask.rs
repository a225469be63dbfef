//! The one script that asks a node what preflights want to know. It writes nothing.

use super::Touched;
use crate::remote::{Script, rooted};
use std::fmt::Write as _;

/// The script for a node: `touched` where the plan changes it, `is_live` where it is a running system. `None` where there is
/// nothing to ask.
pub fn script(touched: Option<&Touched>, is_live: bool) -> Option<Script> {
    let mut script = Script::new("look at it before anything is changed");
    if let Some(touched) = touched {
        let mut places = String::from("IFS='\n'\nset -f\nharden_places=");
        for directory in touched.needs.keys() {
            let _ = write!(places, "{}'\n'", rooted(directory));
        }
        script = script.section("disk", format!("{places}\n{}", include_str!("disk.sh")));
        if is_live && touched.restarts {
            script = script
                .section("images", include_str!("images.sh"))
                .section("pause", include_str!("pause.sh"))
                .section("named", include_str!("named.sh"));
        }
    }
    if is_live {
        script = script.section("certificates", include_str!("certificates.sh"));
    }
    (script.sections().count() > 0).then_some(script)
}
