//! What all benches share: processor time without a dependency, and generated text.
#![allow(dead_code)]

use stopleak_core::rule::example::{Random, expand};

/// Processor seconds of this process and of the children it waited for, from `/proc/self/stat` (steps of 10 ms).
pub fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in brackets may hold spaces; what follows it is numbers.
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    fields.get(11..15).map_or(0.0, |ticks| ticks.iter().sum::<u64>() as f64 / 100.0)
}

/// Processor seconds and wall seconds of `act`.
pub fn measure<T>(act: impl FnOnce() -> T) -> (T, f64, f64) {
    let (start, before) = (std::time::Instant::now(), cpu());
    let result = act();
    (result, cpu() - before, start.elapsed().as_secs_f64())
}

/// Megabytes a second.
pub fn rate(bytes: usize, seconds: f64) -> f64 {
    bytes as f64 / 1e6 / seconds.max(0.01)
}

/// A number from the environment.
pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

const LOG: &[&str] = &[
    "2024-03-1<digit:1>T0<digit:1>:1<digit:1>:<[0-5]:1><digit:1>.<digit:3>Z INFO  [worker-<digit:1>] c.e.store.Index - merged <digit:4> segments in <digit:3> ms\n",
    "10.<digit:2>.<digit:2>.<digit:2> - - \"GET /static/app.<hex:8>.js HTTP/1.1\" 200 <digit:5> \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
    "Mar 1<digit:1> 0<digit:1>:1<digit:1>:2<digit:1> host-<digit:2> kernel: [<digit:6>.<digit:6>] eth0: link is up, 1000 Mbps, full duplex\n",
    "2024-03-1<digit:1> WARN request <uuid> took <digit:4> ms: user <digit:6> opened the settings page\n",
];
const SCRIPT: &[&str] = &[
    "function <lower:1>(<lower:1>,<lower:1>){return <lower:1>.<lower:6>(<lower:1>)?<lower:1>[<digit:2>]:void 0}",
    "var <lower:2>=<lower:1>(<digit:4>),<lower:2>=<lower:1>.n(<lower:2>);<lower:1>.d(t,{Z:()=><lower:2>});",
    ".<lower:8>{margin:<digit:1>px;color:#<hex:6>}",
    "\"<lower:7>\":!0,\"<lower:5>\":<digit:3>,",
    "e.exports={<lower:4>:function(){try{return <lower:3>.<lower:7>()}catch(e){console.error(e)}}};\n",
];
const SOURCE: &[&str] = &[
    "    let <lower:5> = self.<lower:6>.iter().map(|<lower:1>| <lower:1>.<lower:4>()).collect::<<Vec<<_>>();\n",
    "    if (<lower:4> == NULL || <lower:3>->len << <digit:2>) return -1; /* nothing to do here */\n",
    "def <lower:7>(self, <lower:4>, <lower:5>=None):\n    \"\"\"Returns the <lower:6> of the <lower:5>.\"\"\"\n",
    "static int <lower:4>_<lower:5>(struct <lower:6> *<lower:3>, const char *name, size_t len)\n{\n",
    "        raise ValueError(f\"unexpected token {<lower:4>!r} at line {<lower:3>.line}\")\n",
];
const SECRETS: &[&str] = &[
    "GITHUB_TOKEN=<github:ghp_>\n",
    "password = \"<base62:16>\"\n",
    "aws_access_key_id = AKIA<base32:16>\naws_secret_access_key = <base64:40>\n",
    "authorization: Bearer <jwt>\n",
    "api_key: \"<hex:32>\",\n",
];

/// A text of one kind, a secret in every `every`th line (0: none); the same in every run.
fn generated(lines: &[&str], len: usize, every: usize) -> Vec<u8> {
    let mut random = Random::new(1);
    // Expanding a template parses its classes: a few thousand lines are made and drawn from.
    let mut pool = |templates: &[&str], count| -> Vec<String> {
        let line = |n: usize| expand(templates[n % templates.len()], random.draw()).expect("templates are right");
        (0..count).map(line).collect()
    };
    let (plain, secret) = (pool(lines, 4_000), pool(SECRETS, 1_000));
    let mut text = Vec::with_capacity(len + 1_000);
    let mut line = 0;
    while text.len() < len {
        line += 1;
        let is_secret = every > 0 && line % every == 0;
        let from = if is_secret { &secret } else { &plain };
        text.extend_from_slice(from[random.below(from.len())].as_bytes());
    }
    text
}

/// Texts by name: those of `STOPLEAK_BENCH_TEXTS` (paths with `:` between), or generated ones.
pub fn texts() -> Vec<(String, Vec<u8>)> {
    if let Some(paths) = std::env::var_os("STOPLEAK_BENCH_TEXTS") {
        let named = |path: std::path::PathBuf| {
            let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text)
        };
        return std::env::split_paths(&paths).map(named).collect();
    }
    let len = number("STOPLEAK_BENCH_MB", 100) * 1_000_000;
    let kinds = [("log", LOG), ("minified script", SCRIPT), ("source", SOURCE)];
    let mut texts = Vec::new();
    for (name, lines) in kinds {
        texts.push((name.to_owned(), generated(lines, len, 0)));
        texts.push((format!("{name}, 1 line in 100 a secret"), generated(lines, len, 100)));
    }
    texts
}
