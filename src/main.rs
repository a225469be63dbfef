//! `harden`, the program: parse, run, exit code. Errors are printed here and nowhere else.

use harden::cli::{self, logging, panic};
use harden::error::ExitCode;
use harden::remote;
use harden::ui::{self, Output};

fn main() -> std::process::ExitCode {
    panic::install();
    let code = panic::guard(run);
    remote::finish();
    code.into()
}

fn run() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let output = Output::process(cli.global.color);
    logging::start(&cli.global, &output);
    match cli::run(cli, &output) {
        Ok(code) => code,
        Err(error) => {
            ui::report(&output, &error, error.hints());
            error.exit_code()
        }
    }
}
