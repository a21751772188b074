use super::*;

fn address(text: &str) -> StoreAddress {
    text.parse().unwrap()
}

fn mongo(text: &str) -> MongoUrl {
    match address(text) {
        StoreAddress::Mongo(url) => url,
        other => panic!("{other} is no MongoDB"),
    }
}

#[test]
fn each_form_is_understood() {
    assert_eq!(address(""), StoreAddress::Embedded);
    assert_eq!(address("sqlite:/srv/orch.db"), StoreAddress::File("/srv/orch.db".into()));
    assert_eq!(address("sqlite:///srv/orch.db"), StoreAddress::File("/srv/orch.db".into()));
    assert_eq!(mongo("mongodb://db.example").database(), "orch");
    assert_eq!(mongo("mongodb://db.example/?replicaSet=a").database(), "orch");
    assert_eq!(mongo("mongodb+srv://db.example/team?tls=true").database(), "team");
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    for text in ["postgres://u:hunter2@h", "hunter2", "mongodb://u:hunter2@/orch"] {
        let error = text.parse::<StoreAddress>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(matches!("sqlite:orch.db".parse::<StoreAddress>(), Err(InvalidAddress::Relative(_))));
    assert!(matches!(
        "mongodb://h/a.b".parse::<StoreAddress>(),
        Err(InvalidAddress::Database(name)) if name == "a.b"
    ));
}

#[test]
fn no_form_of_showing_an_address_shows_its_password() {
    for text in [
        "mongodb://orch:hunter2@a.example,b.example:27018/team?replicaSet=r",
        "mongodb://orch:hun@ter2@a.example/team",
        "mongodb://orch:hunter2/@a.example/team",
        "mongodb://a.example/team?tlsCertificateKeyFilePassword=hunter2",
        "mongodb://a.example/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
    ] {
        let shown = [format!("{}", address(text)), format!("{:?}", address(text))];
        for text in shown {
            assert!(!text.contains("ter2") && text.contains("a.example"), "{text}");
        }
    }
    let plain = "mongodb://orch@a.example:27017/team?replicaSet=r&tls=true";
    assert_eq!(address(plain).to_string(), plain);
    let hidden = "mongodb://orch:***@a.example/team";
    assert_eq!(address("mongodb://orch:secret@a.example/team").to_string(), hidden);
}
