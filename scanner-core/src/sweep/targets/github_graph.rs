//! What GitHub tells by GraphQL alone, or a hundred times cheaper: <https://docs.github.com/en/graphql>.

use super::finder::Finder;
use super::state::Entry;
use super::{TargetError, key_of};
use crate::forge::ForgeError;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Nodes that one question may name.
const AT_ONCE: usize = 100;
const PATH: &str = "/graphql";
/// Pages of organisations of one enterprise.
const MAX_PAGES: usize = 1_000;

const PARENTS: &str = "query($ids:[ID!]!){nodes(ids:$ids){... on Repository{id parent{url}}}}";
const ORGANISATIONS: &str = "query($slug:String!,$after:String){enterprise(slug:$slug){organizations(first:100,after:$after)\
                             {nodes{login} pageInfo{hasNextPage endCursor}}}}";

/// What forks are forks of, by their ids; none when GraphQL is not to be had.
pub fn parents(finder: &Finder<'_, '_>, forks: &[Entry]) -> Option<HashMap<String, Option<String>>> {
    // GraphQL is for those who say who they are.
    finder.client.server().token.as_ref()?;
    let mut found = HashMap::new();
    for some in forks.chunks(AT_ONCE) {
        let ids: Vec<&str> = some.iter().filter_map(|entry| entry.repo.id.as_deref()).collect();
        let owner = some.first().map_or("", |entry| entry.repo.owner.as_str());
        let answer = ask(finder, owner, PARENTS, json!({ "ids": ids }), "what forks are forks of").ok()?;
        // A node that is gone or hidden is null; the others count.
        for node in answer["nodes"].as_array()? {
            let Some(id) = node["id"].as_str() else { continue };
            found.insert(id.to_owned(), node["parent"]["url"].as_str().map(|url| key_of(url, true)));
        }
    }
    Some(found)
}

/// The organisations of an enterprise; on a server of one's own that has no GraphQL for us, all of its organisations.
pub fn organisations(finder: &mut Finder<'_, '_>, slug: &str) -> Result<Vec<String>, TargetError> {
    let what = format!("the enterprise {slug}");
    let (mut logins, mut after) = (Vec::new(), Value::Null);
    for _ in 0..MAX_PAGES {
        let answer = match ask(finder, slug, ORGANISATIONS, json!({ "slug": slug, "after": after }), &what) {
            // A server of one's own is one enterprise.
            Err(ForgeError::Missing { .. } | ForgeError::Refused { status: 403, .. }) if is_own(finder) => {
                return Ok(all_organisations(finder)?);
            }
            answer => answer?,
        };
        let list = &answer["enterprise"]["organizations"];
        let Some(nodes) = list["nodes"].as_array() else {
            return Err(ForgeError::Missing { host: finder.host(), what, who: "this token" }.into());
        };
        let hidden = nodes.iter().filter(|node| node["login"].as_str().is_none()).count();
        if hidden > 0 {
            finder.unswept(what.as_str(), format!("{hidden} of its organisations are not shown to this token"));
        }
        logins.extend(nodes.iter().filter_map(|node| node["login"].as_str().map(str::to_owned)));
        let page = &list["pageInfo"];
        match page["hasNextPage"].as_bool() {
            Some(true) if page["endCursor"] != after => after = page["endCursor"].clone(),
            _ => return Ok(logins),
        }
    }
    finder.unswept(what, "it has more organisations than can be listed");
    Ok(logins)
}

fn is_own(finder: &Finder<'_, '_>) -> bool {
    let host = finder.host();
    host != "github.com" && !host.ends_with(".ghe.com")
}

fn all_organisations(finder: &Finder<'_, '_>) -> Result<Vec<String>, ForgeError> {
    let mut logins = Vec::new();
    finder.client.pages("/organizations?per_page=100", "the organisations", &mut |page: Vec<Value>| {
        logins.extend(page.iter().filter_map(|organisation| organisation["login"].as_str().map(str::to_owned)));
        ControlFlow::Continue(())
    })?;
    Ok(logins)
}

/// Sends a question. Errors beside an answer leave the answer; errors without one are a refusal.
fn ask(finder: &Finder<'_, '_>, owner: &str, query: &str, variables: Value, what: &str) -> Result<Value, ForgeError> {
    let mut answer = finder.client.post(PATH, owner, &json!({ "query": query, "variables": variables }), what)?;
    let data = answer["data"].take();
    if data.is_object() && data.as_object().is_some_and(|fields| fields.values().any(|value| !value.is_null())) {
        return Ok(data);
    }
    let said = answer["errors"][0]["message"].as_str().unwrap_or("there is no answer in the answer");
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(ForgeError::Refused { host: finder.host(), status: 200, what: what.to_owned(), reason: format!(": {said}") })
}
