//! `--report KIND=PLACE` on the command line. clap would repeat the value in its error, and a value may hold a URL that is a
//! secret.

use crate::ui::reports::{Kind, Request};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use std::ffi::OsStr;
use std::marker::PhantomData;

/// Reads requests for reports of these kinds.
#[derive(Debug, Clone)]
pub struct Requests<F, S>(PhantomData<(F, S)>);

/// The parser of requests for reports of these kinds.
pub fn requests<F: Kind, S: Kind>() -> Requests<F, S> {
    Requests(PhantomData)
}

impl<F: Kind, S: Kind> TypedValueParser for Requests<F, S> {
    type Value = Request<F, S>;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let wrong = |text: String| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n")).with_cmd(command)
        };
        let text = value.to_str().ok_or_else(|| wrong(String::from("a --report is not in UTF-8")))?;
        text.parse().map_err(|error| wrong(format!("--report: {error}")))
    }
}
