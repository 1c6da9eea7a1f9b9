//! Turns exchanges as written into exchanges that can be trusted, and judges their example answers.

use super::judge::{Judgement, Response, judge};
use super::template::{Piece, pieces};
use super::written::{ConditionWritten, Conditions, ExampleWritten, Purpose, StepWritten};
use super::{Answer, Body, Condition, Exchange, Find, Meaning, Scalar, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What a rule file says beside the steps.
pub struct Surroundings<'a> {
    /// The provider's `hosts`.
    pub hosts: &'a [String],
    /// The provider's `endpoints`.
    pub endpoints: &'a [String],
    /// Kinds of the rule's parts: `account-sid` for the part `twilio.account-sid`.
    pub parts: &'a [&'a str],
}

/// Checks a provider's `hosts` and `endpoints`.
pub fn check_hosts(hosts: &[String], endpoints: &[String]) -> Result<(), String> {
    for host in hosts {
        let labels = host.strip_prefix("*.").unwrap_or(host);
        let is_label =
            |label: &str| !label.is_empty() && label.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !labels.contains('.') || !labels.split('.').all(is_label) {
            return Err(format!("`{host}` is no host: write `api.acme.example`, or `*.acme.example` for one label"));
        }
    }
    for endpoint in endpoints {
        if endpoint.ends_with('/') || endpoint.contains(['{', '?', '#']) {
            return Err(format!("endpoint `{endpoint}` must be `https://host/path` without a slash at its end"));
        }
        admit(host_of(endpoint)?, hosts)?;
    }
    Ok(())
}

/// Checks the steps of one exchange; `None` when there are none.
pub fn check(purpose: Purpose, written: &[StepWritten], around: &Surroundings) -> Result<Option<Exchange>, String> {
    if written.is_empty() {
        return Ok(None);
    }
    let mut known: BTreeSet<&str> = ["secret", "endpoint"].into_iter().chain(around.parts.iter().copied()).collect();
    let (mut steps, mut hosts) = (Vec::new(), BTreeSet::new());
    for (index, step) in written.iter().enumerate() {
        let is_last = index + 1 == written.len();
        let named = |message: String| format!("{}, step {}: {message}", purpose.as_str(), index + 1);
        let checked = check_step(purpose, step, is_last, &known, around, &mut hosts).map_err(named)?;
        check_examples(&checked, step, is_last).map_err(named)?;
        known.extend(step.keep.keys().map(String::as_str));
        steps.push(checked);
    }
    check_meanings(purpose, &steps, written)?;
    let uses_endpoint = steps.iter().any(|step| step.url.starts_with("{endpoint}"));
    let endpoints = if uses_endpoint { around.endpoints.to_vec() } else { Vec::new() };
    for endpoint in &endpoints {
        hosts.insert(host_of(endpoint)?.to_owned());
    }
    let unproven = written.iter().find_map(|step| step.unproven.clone());
    if purpose == Purpose::Verify && unproven.is_some() {
        return Err("verify: `unproven` is for requests that change something".into());
    }
    Ok(Some(Exchange { hosts: hosts.into_iter().collect(), endpoints, unproven, steps }))
}

fn check_meanings(purpose: Purpose, steps: &[Step], written: &[StepWritten]) -> Result<(), String> {
    let name = purpose.as_str();
    let says = |steps: &[Step], meaning| steps.iter().flat_map(|step| &step.answers).any(|a| a.meaning == meaning);
    let (good, bad, strange) = match purpose {
        Purpose::Verify => (Meaning::Active, Meaning::Inactive, [Meaning::Accepted, Meaning::Declined]),
        _ => (Meaning::Accepted, Meaning::Declined, [Meaning::Active, Meaning::Inactive]),
    };
    if let Some(strange) = strange.into_iter().find(|meaning| says(steps, *meaning)) {
        return Err(format!("{name}: `{}` does not belong here", strange.as_str()));
    }
    if !says(&steps[steps.len() - 1..], good) || !says(steps, bad) {
        return Err(format!(
            "{name}: the last step must say what is `{}`, and a step what is `{}`",
            good.as_str(),
            bad.as_str()
        ));
    }
    let last = &steps[steps.len() - 1];
    if purpose == Purpose::Rotate && !last.keep.contains_key("secret") {
        return Err(format!("{name}: the last step must keep the new value as `secret`"));
    }
    if !written.iter().any(|step| templates(step).any(|template| template.contains("{secret"))) {
        return Err(format!("{name}: no request carries `{{secret}}`"));
    }
    Ok(())
}

fn check_step(
    purpose: Purpose,
    written: &StepWritten,
    is_last: bool,
    known: &BTreeSet<&str>,
    around: &Surroundings,
    hosts: &mut BTreeSet<String>,
) -> Result<Step, String> {
    for template in templates(written) {
        for piece in pieces(template)? {
            if let Piece::Hole(name, _) = piece
                && !known.contains(name)
            {
                let known: Vec<&str> = known.iter().copied().collect();
                return Err(format!("`{{{name}}}` in `{template}` is not known here: there are {}", known.join(", ")));
            }
        }
    }
    let method = check_method(purpose, written)?;
    check_url(written, around, hosts)?;
    let body = body(written)?;
    if matches!(method.as_str(), "GET" | "HEAD") && body != Body::None {
        return Err(format!("a {method} request has no body"));
    }
    let step = Step {
        method,
        url: written.url.clone(),
        headers: written.headers.clone(),
        basic: written.basic.clone(),
        body,
        answers: answers(written)?,
        find: written.find.as_ref().map(|find| Find { list: find.list.clone(), matching: find.matching.clone() }),
        keep: written.keep.clone(),
        identity: written.identity.clone(),
        scopes: written.scopes.clone(),
    };
    if step.find.is_some() && step.keep.is_empty() {
        return Err("`find` chooses what is kept: say what with `keep`".into());
    }
    if !is_last && step.keep.is_empty() && step.answers.is_empty() {
        return Err("a step before the last keeps something or says what an answer means".into());
    }
    check_pointers(&step)?;
    Ok(step)
}

fn templates(step: &StepWritten) -> impl Iterator<Item = &String> {
    let one = [&step.json, &step.body, &step.basic].into_iter().flatten();
    let find = step.find.iter().flat_map(|find| find.matching.values());
    one.chain([&step.url]).chain(step.headers.values()).chain(step.form.values()).chain(find)
}

fn check_method(purpose: Purpose, written: &StepWritten) -> Result<String, String> {
    let method = written.method.clone().unwrap_or_else(|| "GET".into());
    if !["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str()) {
        return Err(format!("`{method}` is no method"));
    }
    let reads = matches!(method.as_str(), "GET" | "HEAD");
    match (&written.read_only, purpose) {
        (None, Purpose::Verify) if !reads => {
            Err(format!("verify must change nothing: say in `read-only` why this {method} request does not"))
        }
        (Some(_), _) if reads => Err(format!("`read-only` goes without saying for {method}")),
        _ => Ok(method),
    }
}

fn check_url(written: &StepWritten, around: &Surroundings, hosts: &mut BTreeSet<String>) -> Result<(), String> {
    let carries_secret = written.url.contains("{secret");
    match &written.secret_in_url {
        None if carries_secret => {
            return Err(
                "the secret is in the URL: send it in a header, or say in `secret-in-url` why it cannot be".into()
            );
        }
        Some(_) if !carries_secret => return Err("`secret-in-url` is given, but the URL holds no secret".into()),
        _ => {}
    }
    if let Some(path) = written.url.strip_prefix("{endpoint}") {
        return if path.starts_with('/') { Ok(()) } else { Err("a `/` must follow `{endpoint}`".into()) };
    }
    let host = star(host_of(&written.url)?)?;
    admit(&host, around.hosts)?;
    hosts.insert(host);
    Ok(())
}

/// The host of a URL, which must be https and without a port.
fn host_of(url: &str) -> Result<&str, String> {
    let rest = url.strip_prefix("https://").ok_or(format!("`{url}` must begin with `https://` or `{{endpoint}}/`"))?;
    let host = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    // A filter of a first label that is filled in may hold any of these.
    let fixed = if host.starts_with('{') { host.split_once('}').map_or(host, |(_, fixed)| fixed) } else { host };
    if host.is_empty() || fixed.contains([':', '@', '#', '\\', ' ']) {
        return Err(format!("`{host}` is no plain host"));
    }
    Ok(host)
}

/// A host whose first label is a hole, as `*.` and the rest.
fn star(host: &str) -> Result<String, String> {
    if !host.contains('{') {
        return Ok(host.to_owned());
    }
    let rest = host.strip_prefix('{').and_then(|rest| rest.split_once("}.")).map(|(_, rest)| rest);
    match rest {
        Some(rest) if !rest.contains('{') && rest.contains('.') => Ok(format!("*.{rest}")),
        _ => Err(format!("only the first label of a host may be filled in, not as in `{host}`")),
    }
}

fn admit(host: &str, hosts: &[String]) -> Result<(), String> {
    if hosts.iter().any(|known| known == host) {
        return Ok(());
    }
    Err(format!("`{host}` is not among the provider's `hosts`"))
}

fn body(written: &StepWritten) -> Result<Body, String> {
    match (written.form.is_empty(), &written.json, &written.body) {
        (true, None, None) => Ok(Body::None),
        (false, None, None) => Ok(Body::Form(written.form.clone())),
        (true, Some(json), None) => {
            let filled = pieces(json)?.into_iter().map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Hole(..) => "x",
            });
            let text: String = filled.collect();
            serde_json::from_str::<serde_json::Value>(&text).map_err(|error| format!("`json` is no JSON: {error}"))?;
            Ok(Body::Json(json.clone()))
        }
        (true, None, Some(body)) => Ok(Body::Text(body.clone())),
        _ => Err("a request has a `form`, a `json` or a `body`, one of them".into()),
    }
}

fn answers(written: &StepWritten) -> Result<Vec<Answer>, String> {
    let declared = [
        (Meaning::Inactive, &written.inactive),
        (Meaning::Declined, &written.declined),
        (Meaning::Active, &written.active),
        (Meaning::Accepted, &written.accepted),
    ];
    let mut answers = Vec::new();
    for (meaning, conditions) in declared {
        let conditions = match conditions {
            None => continue,
            Some(Conditions::One(one)) => std::slice::from_ref(one),
            Some(Conditions::Several(several)) => several,
        };
        for written in conditions {
            let when = condition(written);
            check_condition(meaning, &when).map_err(|message| format!("`{}` {message}", meaning.as_str()))?;
            answers.push(Answer { meaning, when });
        }
    }
    Ok(answers)
}

fn condition(written: &ConditionWritten) -> Condition {
    Condition {
        status: written.status.list(),
        json: written.json.iter().map(|(pointer, value)| (pointer.clone(), Scalar::from(value))).collect(),
        has: written.has.list(),
        lacks: written.lacks.list(),
        text: written.text.list(),
        header: written.header.clone(),
    }
}

fn check_condition(meaning: Meaning, when: &Condition) -> Result<(), String> {
    let never = |status: &&u16| matches!(status, 300..=399 | 407 | 429 | 500..) || **status < 200;
    if let Some(status) = when.status.iter().find(never) {
        return Err(format!("cannot rest on status {status}: it says nothing about the secret"));
    }
    let is_refusal = !when.status.is_empty() && when.status.iter().all(|status| *status == 401);
    match meaning {
        Meaning::Active if !when.reads_content() => {
            Err("needs proof from the answer's content (`has`, `json`, `text` or `header`), not a status alone".into())
        }
        Meaning::Inactive if when.status.is_empty() && !when.reads_content() => Err("needs a status".into()),
        Meaning::Inactive if !is_refusal && !when.reads_content() => {
            Err("rests on a status that can mean other things: only 401 stands alone, add `json`, `has` or `text`"
                .into())
        }
        _ => Ok(()),
    }
}

fn check_pointers(step: &Step) -> Result<(), String> {
    let conditions = step.answers.iter().map(|answer| &answer.when);
    let pointers = conditions.flat_map(|when| when.json.keys().chain(&when.has).chain(&when.lacks));
    let found = step.find.iter().flat_map(|find| find.matching.keys().chain([&find.list]));
    let wrong = |pointer: &&String| !pointer.is_empty() && !pointer.starts_with('/');
    if let Some(pointer) = pointers.chain(found).chain(step.keep.values()).find(wrong) {
        return Err(format!("`{pointer}` is no JSON pointer: it begins with `/`"));
    }
    let places = step.identity.values().chain(&step.scopes);
    let wrong = |place: &&String| !place.starts_with('/') && !place.starts_with("header:");
    match places.into_iter().find(wrong) {
        Some(place) => Err(format!("`{place}` is neither a JSON pointer nor `header:name`")),
        None => Ok(()),
    }
}

/// Judges the examples, and answers that must never prove anything.
fn check_examples(step: &Step, written: &StepWritten, is_last: bool) -> Result<(), String> {
    let known = |template: &str| Some(template.to_owned());
    let mut shown = BTreeSet::new();
    for example in &written.examples {
        let judged = word(&judge(step, &response(example), is_last, &known));
        if judged != example.means {
            return Err(format!(
                "the example `{} {}` is judged {judged}, not {}",
                example.status, example.body, example.means
            ));
        }
        shown.insert(judged);
    }
    let declared: BTreeSet<&str> = step.answers.iter().map(|answer| answer.meaning.as_str()).collect();
    if let Some(missing) = declared.iter().find(|meaning| !shown.contains(*meaning)) {
        return Err(format!("no example answer is {missing}"));
    }
    if !is_last && !shown.contains("next") {
        return Err("no example answer leads to the next step".into());
    }
    for body in ["", "{}", "[]", "<html><title>Welcome</title></html>"] {
        let plain = Response { status: 200, headers: BTreeMap::new(), body: body.into() };
        if word(&judge(step, &plain, is_last, &known)) == "active" {
            return Err(format!("an answer of 200 with `{body}` would count as active: ask for more"));
        }
    }
    Ok(())
}

fn response(example: &ExampleWritten) -> Response {
    let headers = example.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    Response { status: example.status, headers, body: example.body.clone().into_bytes() }
}

fn word(judgement: &Judgement) -> &'static str {
    match judgement {
        Judgement::Means { meaning, .. } => meaning.as_str(),
        Judgement::Next(_) => "next",
        Judgement::Unknown(_) => "unknown",
    }
}
