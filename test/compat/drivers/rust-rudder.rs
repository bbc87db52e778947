//! Drives the crate `rudderanalytics`: host, write key, scenario, count.
use rudderanalytics::client::RudderAnalytics;
use rudderanalytics::message::{Alias, Group, Identify, Message, Page, Screen, Track};
use serde_json::{from_str, json, Value};
use std::time::Duration;

fn user() -> Option<String> {
    Some("u1".to_owned())
}

fn track(id: &str, event: &str, properties: Value) -> Message {
    Message::Track(Track {
        user_id: Some(id.to_owned()),
        event: event.to_owned(),
        properties: Some(properties),
        ..Default::default()
    })
}

fn six() -> Vec<Message> {
    let name = |text: &str| text.to_owned();
    vec![
        Message::Identify(Identify {
            user_id: user(),
            traits: Some(json!({"plan": "pro"})),
            ..Default::default()
        }),
        track("u1", "Order Completed", json!({"total": 9.5})),
        Message::Page(Page {
            user_id: user(),
            name: name("Home"),
            properties: Some(json!({"path": "/"})),
            ..Default::default()
        }),
        Message::Screen(Screen { user_id: user(), name: name("Start"), ..Default::default() }),
        Message::Group(Group {
            user_id: user(),
            group_id: name("g1"),
            traits: Some(json!({"name": "Acme"})),
            ..Default::default()
        }),
        Message::Alias(Alias {
            user_id: name("u1"),
            previous_id: name("a1"),
            ..Default::default()
        }),
    ]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (host, key, scenario) = (&args[1], &args[2], args[3].as_str());
    let analytics = RudderAnalytics::load(key.clone(), host.clone());
    let events = match scenario {
        "six" => six(),
        "values" => {
            let text = std::env::var("MILLRACE_COMPAT_PROPERTIES").unwrap();
            vec![track("42", "Values", from_str(&text).unwrap())]
        }
        "refused" => vec![
            track("u1", "Large", json!({"text": "x".repeat(4000)})),
            track("u1", "Small", json!({})),
        ],
        _ => {
            let count: usize = args[4].parse().unwrap();
            (0..count).map(|n| track("u1", "Numbered", json!({ "n": n }))).collect()
        }
    };
    for event in events {
        if let Err(error) = analytics.send(&event) {
            eprintln!("{error}");
        }
        if scenario == "paced" {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
