//! Which of our rules do what well-known built-in rules of gitleaks do, by id: for `disabledRules`, `targetRules` and
//! allowlists that teams hang on a built-in rule.

/// Ids as they stand in published configurations, and our rules by id or by the beginning of ids and `*`.
pub const COUNTERPARTS: &[(&str, &[&str])] = &[
    ("generic-api-key", &["generic.*"]),
    ("private-key", &["private-key.*"]),
    ("jwt", &["jwt.*"]),
    ("curl-auth-header", &["connection-string.http-basic-header"]),
    ("curl-auth-user", &["connection-string.curl-user"]),
    ("anthropic-api-key", &["anthropic.api-key"]),
    ("aws-access-token", &["aws.access-key-id"]),
    ("databricks-api-token", &["databricks.personal-access-token"]),
    ("digitalocean-pat", &["digitalocean.personal-access-token"]),
    ("discord-api-token", &["discord.bot-token"]),
    ("gcp-api-key", &["gcp.api-key"]),
    ("github-app-token", &["github.app-*"]),
    ("github-fine-grained-pat", &["github.fine-grained-personal-access-token"]),
    ("github-oauth", &["github.oauth-access-token"]),
    ("github-pat", &["github.personal-access-token"]),
    ("gitlab-pat", &["gitlab.personal-access-token*"]),
    ("gitlab-ptt", &["gitlab.pipeline-trigger-token"]),
    ("heroku-api-key", &["heroku.*"]),
    ("huggingface-access-token", &["huggingface.user-access-token"]),
    ("linear-api-key", &["linear.api-key"]),
    ("mailchimp-api-key", &["mailchimp.api-key"]),
    ("npm-access-token", &["npm.*"]),
    ("openai-api-key", &["openai.*"]),
    ("postman-api-token", &["postman.api-key"]),
    ("pypi-upload-token", &["pypi.*"]),
    ("sendgrid-api-token", &["sendgrid.api-key"]),
    ("shopify-access-token", &["shopify.admin-access-token"]),
    ("shopify-shared-secret", &["shopify.shared-secret"]),
    ("slack-bot-token", &["slack.bot-token"]),
    ("slack-user-token", &["slack.user-token"]),
    ("slack-webhook-url", &["slack.webhook-url"]),
    ("square-access-token", &["square.*"]),
    ("stripe-access-token", &["stripe.*"]),
    ("telegram-bot-api-token", &["telegram.bot-token"]),
    ("twilio-api-key", &["twilio.api-key-*"]),
];

/// Our rules in place of theirs; `None` when none is known.
pub fn of(id: &str) -> Option<&'static [&'static str]> {
    COUNTERPARTS.iter().find(|(known, _)| *known == id).map(|(_, ours)| *ours)
}
