//! The `main` of a program that has helpers: started with `jail` it is one itself, as the program of the host is.

use std::process::ExitCode;

/// Serves as a helper, or runs with the arguments that it was told.
pub fn main(run: impl FnOnce(&[String]) -> anyhow::Result<()>) -> ExitCode {
    let told: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = &told[..]
        && first == "jail"
    {
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        return tollgate_deploy::jail::serve(&rest);
    }
    match run(&told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
