use super::*;

#[test]
fn an_endpoint_holds_no_secret() {
    use InvalidEndpoint::{Form, Options, User};
    let good = [
        "https://api.z.ai/api/anthropic",
        "http://127.0.0.1:11434/v1",
        "unix:///run/user/1000/docker.sock",
        "unix:///run/user@1000/docker.sock",
        "tcp://rack-2:2376",
        "ssh://orch@rack-2:22",
        "ssh://rack-2",
    ];
    for url in good {
        assert_eq!(url.parse::<Endpoint>().unwrap().as_str(), url);
    }
    let bad = [
        ("", Form),
        ("rack-2:2376", Form),
        ("://rack-2", Form),
        ("HTTPS://rack-2", Form),
        ("https://", Form),
        ("https://a b", Form),
        ("https://a\u{1b}[2J", Form),
        ("https://ada:hunter2@host", User),
        ("https://hunter2@host", User),
        ("https://ada:hun/ter2@host", User),
        ("ssh://ada:hunter2@host", User),
        ("ssh://@host", User),
        ("https://host/v1?key=hunter2", Options),
        ("https://host/v1#hunter2", Options),
    ];
    for (url, why) in bad {
        let refused = url.parse::<Endpoint>().unwrap_err();
        assert_eq!(refused, why, "{url}");
        assert!(!refused.to_string().contains("hunter2"), "{url}");
        let read = serde_json::from_value::<Endpoint>(url.into()).unwrap_err();
        assert!(!read.to_string().contains("hunter2"), "{url}");
    }
    assert_eq!(format!("https://{}", "x".repeat(2_000)).parse::<Endpoint>(), Err(Form));
}
