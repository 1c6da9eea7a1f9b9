//! Risky practice is told from what only looks like it, is low, names what is at risk, and holds no value.

use super::{engine, found};
use stopleak_core::Severity;
use stopleak_core::detect::Engine;
use stopleak_core::scan::Gate;

const WORKFLOW: &str = "on: push\njobs:\n  a:\n    steps:\n";

/// A pipeline (`>` stands for the head of a workflow), and what is found in it: rule, and name at risk.
const TABLE: &[(&str, &[(&str, &str)])] = &[
    // Printed into the log.
    (">      - run: echo ${{ secrets.A }}\n", &[("ci.secret-echoed", "${{ secrets.A }}")]),
    (
        ">      - run: |\n          make\n          if [ -n \"$A\" ]; then echo \"a $MY_TOKEN\"; fi\n",
        &[("ci.secret-echoed", "$MY_TOKEN")],
    ),
    (">      - run: make && printf '%s' \"${DB_PASSWORD}\"\n", &[("ci.secret-echoed", "${DB_PASSWORD}")]),
    (">      - run: echo \"${{ secrets.A }}\" | base64\n", &[]),
    (">      - run: echo \"${{ secrets.A }}\" > key.pem\n", &[]),
    (">      - run: echo \"KEY=${{ secrets.A }}\" >> $GITHUB_ENV\n", &[]),
    (">      - run: echo \"::add-mask::${{ secrets.A }}\"\n", &[]),
    (">      - run: echo \"no TOKEN\" # $MY_TOKEN\n", &[]),
    (">      - run: git config credential.helper '!f() { echo \"password=$MY_TOKEN\"; }; f'\n", &[]),
    (">      - name: echo ${{ secrets.A }}\n        run: make\n", &[]),
    ("job:\n  script:\n    - echo $DB_PASSWORD\n", &[("ci.secret-echoed", "$DB_PASSWORD")]),
    ("job:\n  script: [\"echo $DB_PASSWORD\"]\n", &[("ci.secret-echoed", "$DB_PASSWORD")]),
    ("job:\n  script:\n    - echo \"$DB_PASSWORD\" 2>&1\n", &[("ci.secret-echoed", "$DB_PASSWORD")]),
    (
        "version: 2.1\njobs:\n  a:\n    steps:\n      - run:\n          command: echo $NPM_TOKEN\n",
        &[("ci.secret-echoed", "$NPM_TOKEN")],
    ),
    ("steps:\n- pwsh: Write-Host $env:API_TOKEN\n", &[("ci.secret-echoed", "$env:API_TOKEN")]),
    (
        "pipeline {\n stages { stage('a') { steps { sh 'echo $DB_PASSWORD' } } } }\n",
        &[("ci.secret-echoed", "$DB_PASSWORD")],
    ),
    // On a command line.
    (">      - run: ./deploy --token ${{ secrets.A }}\n", &[("ci.secret-on-command-line", "${{ secrets.A }}")]),
    (">      - run: ./deploy --password=\"$DB_PASSWORD\" x\n", &[("ci.secret-on-command-line", "$DB_PASSWORD")]),
    (">      - run: curl -u \"me:${{ secrets.A }}\" https://x\n", &[("ci.secret-on-command-line", "${{ secrets.A }}")]),
    (">      - run: ./deploy --token-file key\n        env: { TOKEN: \"${{ secrets.A }}\" }\n", &[]),
    (
        ">      - uses: acme/deploy@v1\n        with:\n          args: --version\n          token: ${{ secrets.A }}\n",
        &[],
    ),
    (
        "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n    - script: |\n        push --token $API_TOKEN\n",
        &[("ci.secret-on-command-line", "$API_TOKEN")],
    ),
    // In images.
    ("FROM a\nARG NPM_TOKEN\n", &[("ci.secret-in-dockerfile", "NPM_TOKEN")]),
    ("FROM a\nENV A=1 DB_PASSWORD=$X\n", &[("ci.secret-in-dockerfile", "DB_PASSWORD")]),
    ("FROM a\nENV API_SECRET $X\n", &[("ci.secret-in-dockerfile", "API_SECRET")]),
    ("FROM a\nENV A=1 \\\n  # why\n  API_KEY=$X\n", &[("ci.secret-in-dockerfile", "API_KEY")]),
    ("FROM a\nENV TOKEN=\nENV TOKEN_FILE=/x\nENV GPG_KEY=$X\nRUN X_TOKEN=1 make\n", &[]),
    ("FROM a\nENV NOTE \"set the PASSWORD=x\"\n", &[]),
    ("SELECT a\nFROM b\nWHERE ENV DB_PASSWORD=1\n", &[]),
    (
        ">      - run: docker build --build-arg NPM=${{ secrets.A }} .\n",
        &[("ci.secret-build-argument", "${{ secrets.A }}")],
    ),
    (
        ">      - uses: docker/build-push-action@v6\n        with:\n          build-args: |\n            V=1\n            NPM=${{ secrets.A }}\n",
        &[("ci.secret-build-argument", "${{ secrets.A }}")],
    ),
    (
        ">      - uses: docker/build-push-action@v6\n        with:\n          secrets: |\n            NPM=${{ secrets.A }}\n",
        &[],
    ),
    // Uploaded.
    (
        ">      - uses: actions/upload-artifact@v4\n        with: { path: .env }\n",
        &[("ci.secret-file-uploaded", ".env")],
    ),
    (
        "job:\n  script: make\n  artifacts:\n    paths: [dist, \"config/.env.production\"]\n",
        &[("ci.secret-file-uploaded", ".env.production")],
    ),
    ("steps:\n- publish: .kube/config\n- bash: cp .env x\n", &[("ci.secret-file-uploaded", ".kube/config")]),
    ("node {\n archiveArtifacts artifacts: 'dist/**, .env'\n}\n", &[("ci.secret-file-uploaded", ".env")]),
    (
        ">      - uses: actions/upload-artifact@v4\n        with:\n          path: |\n            !.env\n            .env.example\n            .environment\n",
        &[],
    ),
    // Everything at once.
    (
        ">      - uses: a/b@v1\n        with: { all: \"${{ toJSON(secrets) }}\" }\n",
        &[("ci.all-secrets", "toJSON(secrets)")],
    ),
    ("variables:\n  CI_DEBUG_TRACE: \"true\"\njob:\n  script: make\n", &[("ci.debug-trace", "CI_DEBUG_TRACE")]),
    ("# CI_DEBUG_TRACE: true\njob:\n  variables: { CI_DEBUG_TRACE: 'false' }\n  script: make\n", &[]),
    // Somebody else's code with one's own secrets.
    (
        "on: [pull_request_target]\njobs:\n  a:\n    env: { A: \"${{ secrets.A }}\" }\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.ref }}\n",
        &[("ci.untrusted-checkout", "github.event.pull_request.head.ref")],
    ),
    (
        "on: [pull_request_target]\njobs:\n  a:\n    env: { A: \"${{ secrets.GITHUB_TOKEN }}\" }\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.ref }}\n",
        &[],
    ),
    // Groovy.
    (
        "node {\n withCredentials([usernamePassword(credentialsId: 'x', usernameVariable: 'U', passwordVariable: 'P1')]) {\n  sh \"curl -u $U:$P1 https://x\"\n }\n}\n",
        &[("ci.secret-interpolated", "P1")],
    ),
    (
        "node {\n withCredentials([string(credentialsId: 'x', variable: 'KEY1')]) {\n  sh(script: \"\"\"use ${env.KEY1}\"\"\", returnStdout: true)\n  sh 'use $KEY1'\n  sh \"use \\$KEY1\"\n  echo \"$KEY1\"\n }\n}\n",
        &[("ci.secret-interpolated", "KEY1")],
    ),
];

fn practices(engine: &Engine, text: &str) -> Vec<(String, String)> {
    let text = match text.strip_prefix('>') {
        Some(steps) => format!("{WORKFLOW}{steps}"),
        None => text.to_owned(),
    };
    let found = found(engine, &text);
    found.iter().map(|finding| (finding.rule.id.clone(), finding.key.clone())).collect()
}

#[test]
fn risky_practice_is_told_from_what_only_looks_like_it() {
    let engine = engine();
    let mut wrong = Vec::new();
    for (text, expected) in TABLE {
        let found = practices(&engine, text);
        let expected: Vec<(String, String)> = expected.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        if found != expected {
            wrong.push(format!("{text}  found {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_practice_is_no_leak_by_default_and_shows_no_command() {
    let engine = engine();
    let text = format!("{WORKFLOW}      - run: echo unlikely-word ${{{{ secrets.A }}}}\n");
    let found = found(&engine, &text);
    assert_eq!(found.len(), 1);
    assert!(found[0].is_practice() && found[0].rule.severity <= Severity::Medium);
    assert!(!Gate::default().passes(&found[0]));
    assert!(Gate { practices: true, ..Gate::default() }.passes(&found[0]));
    assert_eq!(found[0].shown(), "${{ secrets.A }}");
    assert!(!found[0].rule.help.is_empty());
}

#[test]
fn the_same_act_has_the_same_fingerprint_wherever_it_stands() {
    let engine = engine();
    let of = |text: &str| found(&engine, text)[0].fingerprint.to_string();
    let first = of(&format!("{WORKFLOW}      - run: echo ${{{{ secrets.A }}}}\n"));
    let moved =
        of(&format!("# more\n{WORKFLOW}      - run: |\n          make\n          echo   ${{{{ secrets.A }}}}\n"));
    let other = of(&format!("{WORKFLOW}      - run: echo x ${{{{ secrets.A }}}}\n"));
    assert_eq!(first, moved);
    assert_ne!(first, other);
}

#[test]
fn what_is_no_yaml_or_nested_too_deeply_is_left_alone() {
    let engine = engine();
    let deep = format!("jobs: {}", "[".repeat(100_000));
    let templated = "jobs:\n  {{ range .x }}\n  - run: echo $MY_TOKEN\n  {{ end }}\n";
    let bomb = "jobs: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nrun: echo $MY_TOKEN\n";
    for text in [deep.as_str(), templated, bomb, "jobs:\n\t- x", "jobs: \u{0}"] {
        practices(&engine, text);
    }
}
