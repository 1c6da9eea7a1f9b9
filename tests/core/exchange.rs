//! What answers mean, how requests are filled in, and which exchanges the linter refuses.

use stopleak_core::rule::check::check_file;
use stopleak_core::rule::exchange::Exchanges;
use stopleak_core::rule::exchange::judge::{Judgement, Meaning, Response, judge};
use stopleak_core::rule::exchange::template::{Place, fill};

const VERIFY: &str = r#"
[[rule.verify]]
url = "https://api.acme.example/me"
headers = { Authorization = "Bearer {secret}" }
active = { has = "/id" }
inactive = [{ status = 401 }, { status = 403, text = "bad key" }]
identity = { account = "/email" }
scopes = "header:x-scopes"
examples = [
  { status = 200, body = '{"id":7,"email":"a@acme.example"}', means = "active" },
  { status = 401, means = "inactive" },
]
"#;

fn file(exchange: &str) -> String {
    format!(
        r#"[provider]
id = "acme"
name = "Acme"
references = ["https://acme.example/docs"]
hosts = ["api.acme.example", "*.tenant.example"]
endpoints = ["https://api.acme.example"]

[[rule]]
id = "acme.api-key"
name = "Acme API key"
severity = "high"
pattern = 'acme_[A-Za-z0-9]{{32}}'
parts = [{{ rule = "acme.account", within = 100 }}]

[rule.examples]
match = ['acme_<base62:32>', 'k=acme_<base62:32>']
no-match = ['acme_<base62:31>', 'acne_<base62:32>']
{exchange}"#
    )
}

fn checked(exchange: &str) -> Result<Exchanges, String> {
    let rules = check_file("acme.toml", &file(exchange)).map_err(|errors| errors.to_string())?;
    Ok(rules[0].exchanges.clone())
}

fn answered(status: u16, body: &str) -> Judgement {
    let exchange = checked(VERIFY).expect("the exchange is sound").verify.expect("it verifies");
    let headers = [("x-scopes".to_owned(), "read".to_owned())].into();
    let response = Response { status, headers, body: body.into() };
    judge(&exchange.steps[0], &response, true, &|_| None)
}

fn meaning(judgement: &Judgement) -> Option<Meaning> {
    match judgement {
        Judgement::Means { meaning, .. } => Some(*meaning),
        _ => None,
    }
}

#[test]
fn only_what_the_rule_knows_means_anything() {
    let table = [
        (200, r#"{"id":7}"#, Some(Meaning::Active)),
        (200, r#"{"id":""}"#, None),
        (200, "{}", None),
        (200, "<html></html>", None),
        (401, "", Some(Meaning::Inactive)),
        (403, "Bad Key", Some(Meaning::Inactive)),
        (403, "forbidden", None),
        (404, "", None),
        (301, r#"{"id":7}"#, None),
        (429, r#"{"id":7}"#, None),
        (500, r#"{"id":7}"#, None),
        (503, "", None),
    ];
    for (status, body, expected) in table {
        assert_eq!(meaning(&answered(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn a_live_answer_tells_whose_the_secret_is() {
    let Judgement::Means { identity, scopes, .. } = answered(200, r#"{"id":7,"email":"a@acme.example"}"#) else {
        panic!("the answer is known");
    };
    assert_eq!(identity, [("account".to_owned(), "a@acme.example".to_owned())]);
    assert_eq!(scopes.as_deref(), Some("read"));
}

#[test]
fn one_item_of_a_list_is_found_or_none() {
    let exchange = r#"
[[rule.revoke]]
url = "https://api.acme.example/keys"
headers = { Authorization = "Bearer {secret}" }
find = { list = "/keys", match = { "/token" = "{secret}" } }
keep = { id = "/id" }
declined = { status = 401 }
examples = [{ status = 200, body = '{"keys":[{"token":"{secret}","id":"k1"}]}', means = "next" }, { status = 401, means = "declined" }]
[[rule.revoke]]
method = "DELETE"
url = "https://api.acme.example/keys/{id}"
headers = { Authorization = "Bearer {secret}" }
accepted = { status = 204 }
examples = [{ status = 204, means = "accepted" }]
"#;
    let revoke = checked(exchange).expect("the exchange is sound").revoke.expect("it revokes");
    let ask = |body: &str| {
        let response = Response { status: 200, body: body.into(), ..Response::default() };
        judge(&revoke.steps[0], &response, false, &|template| Some(template.replace("{secret}", "s1")))
    };
    let one = ask(r#"{"keys":[{"token":"s0","id":"k0"},{"token":"s1","id":"k1"}]}"#);
    assert_eq!(one, Judgement::Next([("id".to_owned(), "k1".to_owned())].into()));
    for none in [r#"{"keys":[]}"#, r#"{"keys":[{"token":"s1","id":"a"},{"token":"s1","id":"b"}]}"#, "{}", "no json"] {
        assert!(matches!(ask(none), Judgement::Unknown(_)), "{none}");
    }
}

#[test]
fn what_is_filled_in_is_escaped_for_its_place() {
    let value = |name: &str| match name {
        "secret" => Some("a/b\"c d".to_owned()),
        "sid" => Some("SG.id.rest".to_owned()),
        "endpoint" => Some("https://git.example".to_owned()),
        "wild" => Some("a\r\nX: 1".to_owned()),
        _ => None,
    };
    let table = [
        ("{endpoint}/v1/{secret}", Place::Url, Ok("https://git.example/v1/a%2Fb%22c%20d")),
        (r#"{"token": "{secret}"}"#, Place::Json, Ok(r#"{"token": "a/b\"c d"}"#)),
        ("Bearer {secret}", Place::Plain, Ok("Bearer a/b\"c d")),
        ("{secret|base64}", Place::Plain, Ok("YS9iImMgZA==")),
        ("/keys/{sid|split:.:1}", Place::Url, Ok("/keys/id")),
        ("/keys/{sid|split:.:7}", Place::Url, Err("`sid` has not the form the request needs")),
        ("{unknown}", Place::Url, Err("nothing is known of `unknown`")),
        ("Bearer {wild}", Place::Plain, Err("a value holds control characters")),
    ];
    for (template, place, expected) in table {
        let filled = fill(template, place, &value);
        assert_eq!(filled.as_deref().map_err(String::as_str), expected, "{template}");
    }
}

#[test]
fn the_linter_refuses_what_cannot_be_trusted() {
    let change = |from: &str, to: &str| VERIFY.replace(from, to);
    let table = [
        (change("https://api.", "http://api."), "must begin with `https://`"),
        (change("api.acme", "other.acme"), "not among the provider's `hosts`"),
        (change("/me", "/me?key={secret}"), "the secret is in the URL"),
        (change("has = \"/id\"", "status = 200"), "needs proof"),
        (change("{ status = 401 }, ", "{ status = 404 }, "), "only 401 stands alone"),
        (change("{ status = 401 }, ", "{ status = 429, text = \"x\" }, "), "says nothing about the secret"),
        (change("/me\"", "/me\"\nmethod = \"POST\""), "must change nothing"),
        (change("Bearer {secret}", "Bearer {token}"), "is not known here"),
        (change("Bearer {secret}", "Bearer x"), "no request carries"),
        (change("means = \"inactive\"", "means = \"active\""), "is judged inactive, not active"),
        (change("  { status = 401, means = \"inactive\" },\n", ""), "no example answer is inactive"),
        (change("https://api.acme.example/me", "https://{account}.{account}.example/me"), "only the first label"),
        (change("identity =", "accepted = { status = 204 }\nidentity ="), "no example answer is accepted"),
    ];
    for (exchange, complaint) in table {
        let error = checked(&exchange).expect_err(complaint);
        assert!(error.contains(complaint), "{complaint}: {error}");
    }
    let tenant = VERIFY.replace("api.acme.example/me", "{account}.tenant.example/me");
    assert_eq!(checked(&tenant).expect("a tenant's host").verify.expect("it verifies").hosts, ["*.tenant.example"]);
}
