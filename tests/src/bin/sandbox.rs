//! `settler-sandbox [--port N]`: serves the provider sandbox on this machine and prints its address as one JSON line.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use settler_tests::sandbox::server::Server;

const USUAL_PORT: u16 = 4567;

fn port() -> Result<u16, String> {
    let mut port = USUAL_PORT;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = match argument.split_once('=') {
            Some(("--port", value)) => value.to_owned(),
            None if argument == "--port" => arguments.next().ok_or("--port needs a number")?,
            _ => {
                return Err(format!("unknown argument {argument}; usage: settler-sandbox [--port N]"));
            }
        };
        port = value.parse().map_err(|_| format!("--port needs a number from 0 to 65535, not {value}"))?;
    }
    Ok(port)
}

#[tokio::main]
async fn main() -> ExitCode {
    let port = match port() {
        Ok(port) => port,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let server = match Server::bind(port).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("cannot listen on port {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let line = serde_json::json!({ "url": format!("http://{}", server.address), "port": server.address.port() });
    println!("{line}");
    let _ = std::io::stdout().flush();
    tokio::select! {
        () = server.serve() => ExitCode::SUCCESS,
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}
