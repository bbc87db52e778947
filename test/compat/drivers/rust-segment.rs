//! Drives the crate `segment`: host, write key, scenario, count.
use segment::message::{Alias, BatchMessage, Group, Identify, Page, Screen, Track, User};
use segment::{AutoBatcher, Batcher, HttpClient};
use serde_json::{from_str, json, Value};
use std::time::Duration;

const BATCH: usize = 20;

fn user(id: &str) -> User {
    User::UserId { user_id: id.to_owned() }
}

fn track(id: &str, event: &str, properties: Value) -> Track {
    Track { user: user(id), event: event.to_owned(), properties, ..Default::default() }
}

fn six() -> Vec<BatchMessage> {
    let name = |text: &str| text.to_owned();
    vec![
        Identify { user: user("u1"), traits: json!({"plan": "pro"}), ..Default::default() }.into(),
        track("u1", "Order Completed", json!({"total": 9.5})).into(),
        Page {
            user: user("u1"),
            name: name("Home"),
            properties: json!({"path": "/"}),
            ..Default::default()
        }
        .into(),
        Screen { user: user("u1"), name: name("Start"), ..Default::default() }.into(),
        Group {
            user: user("u1"),
            group_id: name("g1"),
            traits: json!({"name": "Acme"}),
            ..Default::default()
        }
        .into(),
        Alias { user: user("u1"), previous_id: name("a1"), ..Default::default() }.into(),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (host, key, scenario) = (&args[1], &args[2], args[3].as_str());
    let client = HttpClient::new(reqwest::Client::new(), host.clone());
    let mut batcher = AutoBatcher::new(client, Batcher::new(None), key.clone());
    let mut events: Vec<BatchMessage> = Vec::new();
    match scenario {
        "six" => events = six(),
        "values" => {
            let text = std::env::var("MILLRACE_COMPAT_PROPERTIES").unwrap();
            events.push(track("42", "Values", from_str(&text).unwrap()).into());
        }
        "refused" => {
            events.push(track("u1", "Large", json!({"text": "x".repeat(4000)})).into());
            events.push(track("u1", "Small", json!({})).into());
        }
        _ => {
            let count: usize = args[4].parse().unwrap();
            events.extend((0..count).map(|n| track("u1", "Numbered", json!({ "n": n })).into()));
        }
    }
    for (at, event) in events.into_iter().enumerate() {
        batcher.push(event).await.unwrap();
        if scenario == "paced" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // A failed request is told to the caller, and its events are gone.
        if at % BATCH == BATCH - 1 || scenario == "refused" {
            if let Err(error) = batcher.flush().await {
                eprintln!("{error}");
            }
        }
    }
    if let Err(error) = batcher.flush().await {
        eprintln!("{error}");
    }
}
