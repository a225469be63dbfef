//! Posting a body, again and again until it is taken, is refused, or the time is over. A receiver that took it and could not say so
//! gets it twice.

use super::error::WebhookError;
use super::receiver::Receiver;
use crate::error::Chain;
use crate::secret::mask;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper_openssl::client::legacy::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openssl::ssl::{ErrorCode, SslConnector, SslMethod};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, unless the receiver asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// What of an answer is read, in bytes, and shown, in characters.
const ANSWER_READ: usize = 4_096;
const ANSWER_SHOWN: usize = 200;

type Connection = Client<HttpsConnector<HttpConnector>, String>;

/// How an attempt ended that did not succeed.
enum Failed {
    /// It may go better the next time, not before this time where the receiver says so.
    Again(String, Option<Duration>),
    /// It will not.
    Never(WebhookError),
}

/// Posts a JSON body.
pub fn post(receiver: &Receiver, body: &str, deadline: Duration) -> Result<(), WebhookError> {
    let set_up = |reason: String| WebhookError::SetUp { receiver: receiver.shown().to_owned(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| set_up(error.to_string()))?;
    let result = runtime.block_on(async {
        let client = client().map_err(|error| set_up(error.to_string()))?;
        until_taken(&client, receiver, body, deadline).await
    });
    // A name that is still being looked up must not keep the program.
    runtime.shutdown_background();
    result
}

/// A client that trusts the system's CAs.
fn client() -> Result<Connection, openssl::error::ErrorStack> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let tls = HttpsConnector::with_connector(tcp, SslConnector::builder(SslMethod::tls())?)?;
    Ok(Client::builder(TokioExecutor::new()).build(tls))
}

async fn until_taken(
    client: &Connection,
    receiver: &Receiver,
    body: &str,
    deadline: Duration,
) -> Result<(), WebhookError> {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last = String::from("it did not answer");
    loop {
        let asked = match timeout_at(end, attempt(client, receiver, body)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Failed::Never(error))) => return Err(error),
            Ok(Err(Failed::Again(reason, asked))) => {
                last = reason;
                asked
            }
            Err(_) => None,
        };
        let next = Instant::now() + asked.unwrap_or(pause);
        if next >= end {
            return Err(WebhookError::Deadline { receiver: receiver.shown().to_owned(), deadline, last });
        }
        sleep_until(next).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn attempt(client: &Connection, receiver: &Receiver, body: &str) -> Result<(), Failed> {
    let shown = || receiver.shown().to_owned();
    let request = Request::post(receiver.uri().clone())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("harden/", env!("CARGO_PKG_VERSION")))
        .body(body.to_owned())
        .map_err(|error| {
            Failed::Never(WebhookError::SetUp { receiver: shown(), reason: error.to_string() })
        })?;
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(error) => {
            let reason = mask(&Chain(&error).to_string()).into_owned();
            return Err(if is_about_trust(&error) {
                Failed::Never(WebhookError::Tls { receiver: shown(), reason })
            } else {
                Failed::Again(reason, None)
            });
        }
    };
    let status = response.status();
    let asked = pause_asked_for(&response);
    if status.is_success() {
        return Ok(());
    }
    let answer = said(response).await;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Failed::Again(answer, asked));
    }
    Err(Failed::Never(WebhookError::Refused { receiver: shown(), answer }))
}

/// Whether the other side could not prove who it is: no further attempt changes that.
fn is_about_trust(error: &(dyn Error + 'static)) -> bool {
    let tls = error.downcast_ref::<openssl::ssl::Error>().is_some_and(|error| error.code() == ErrorCode::SSL);
    tls || error.source().is_some_and(is_about_trust)
}

/// `Retry-After` in seconds; a date is not looked at.
fn pause_asked_for<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The status, and the first line of what stands below it.
async fn said<B>(response: Response<B>) -> String
where
    B: BodyExt,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_READ).collect().await;
    let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = mask(line).chars().filter(|c| !c.is_control()).take(ANSWER_SHOWN).collect();
    if line.is_empty() { status.to_string() } else { format!("{status}: {line}") }
}
