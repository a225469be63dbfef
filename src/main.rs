//! `harden`, the program: parse, run, exit code. Errors are printed here and nowhere else.

use harden::cli::{self, logging, panic};
use harden::error::ExitCode;
use harden::remote;
use harden::ui::{self, Output};
use std::io::Write;

fn main() -> ! {
    panic::install();
    let code = panic::guard(run);
    remote::finish();
    let _ = std::io::stdout().flush();
    // Without the clean-up of libssh2 and OpenSSL, which would crash a thread that is closing a connection still.
    signal_hook::low_level::exit(code.number().into())
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
