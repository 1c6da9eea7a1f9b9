//! A headless Chromium, driven over a pipe: messages of the DevTools protocol, each ended by a zero byte.
//!
//! The shell gives the browser its descriptors 3 and 4, so that neither a port nor a library is needed.
#![allow(dead_code)]

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long any answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running browser.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    sent: u64,
    _profile: TempDir,
}

/// One page of it.
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    /// Starts Debian's `chromium`, or what `CHROMIUM` names; `None`, said loudly, where there is none.
    pub fn start() -> Option<Browser> {
        let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into());
        if Command::new(&program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: {program} is not installed, so the HTML report was not tested in a browser");
            return None;
        }
        let profile = TempDir::new().unwrap();
        let line = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null";
        let mut command = Command::new("sh");
        command.args([
            "-c",
            line,
            &program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ]);
        command.args(["--no-first-run", "--disable-extensions", "--disable-background-networking", "--lang=en"]);
        command.arg("--remote-debugging-pipe").arg(format!("--user-data-dir={}", profile.path().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let messages = listen(child.stdout.take().unwrap());
        Some(Browser { child, input, messages, events: VecDeque::new(), sent: 0, _profile: profile })
    }

    fn send(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        let answer = self.wait(|message, sent| message["id"] == sent);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The first message that is asked for; the others are kept.
    fn wait(&mut self, wanted: impl Fn(&Value, u64) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).expect("the browser answers");
            if wanted(&message, self.sent) {
                return message;
            }
            self.events.push_back(message);
        }
    }

    /// Opens a file in a page of this size, with these media features: `("prefers-color-scheme", "dark")`.
    pub fn open(&mut self, file: &Path, size: (u32, u32), features: &[(&str, &str)]) -> Page<'_> {
        self.visit(&format!("file://{}", file.display()), size, features)
    }

    /// The same for an address.
    pub fn visit(&mut self, url: &str, (width, height): (u32, u32), features: &[(&str, &str)]) -> Page<'_> {
        self.events.clear();
        let target = self.send(None, "Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.send(None, "Target.attachToTarget", attach)["sessionId"].as_str().unwrap().to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.send(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.send("Emulation.setDeviceMetricsOverride", size);
        let features: Vec<Value> = features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        page.send("Emulation.setEmulatedMedia", json!({"features": features}));
        page.go(url);
        page
    }

    fn wait_event(&mut self, session: &str, method: &str) {
        let is_it = |message: &Value| message["method"] == method && message["sessionId"] == session;
        if !self.events.iter().any(is_it) {
            let event = self.wait(|message, _| is_it(message));
            self.events.push_back(event);
        }
    }
}

impl Page<'_> {
    fn send(&mut self, method: &str, parameters: Value) -> Value {
        let session = self.session.clone();
        self.browser.send(Some(&session), method, parameters)
    }

    /// Goes to an address, and waits until it is there.
    pub fn go(&mut self, url: &str) {
        self.arrive(|page| _ = page.send("Page.navigate", json!({"url": url})));
    }

    /// Loads the page again.
    pub fn reload(&mut self) {
        self.arrive(|page| _ = page.send("Page.reload", json!({})));
    }

    /// Does what leads to another page, and waits until that is there.
    pub fn arrive(&mut self, does: impl FnOnce(&mut Self)) {
        self.browser.events.retain(|event| event["method"] != "Page.loadEventFired");
        does(self);
        let session = self.session.clone();
        self.browser.wait_event(&session, "Page.loadEventFired");
    }

    /// Waits until an expression holds.
    pub fn until(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.get(expression) != json!(true) {
            assert!(Instant::now() < until, "{expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What an expression gives, a promise awaited; an exception fails the test.
    pub fn get(&mut self, expression: &str) -> Value {
        let parameters =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true});
        let answer = self.send("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// The same, as text.
    pub fn text(&mut self, expression: &str) -> String {
        match self.get(expression) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// Presses and releases a key: `j`, `Enter`, `Escape`, `Tab`.
    pub fn key(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            _ => 0,
        };
        let text = if key == "Enter" { "\r" } else { key };
        let mut down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if key.chars().count() == 1 || key == "Enter" {
            down["text"] = text.into();
        }
        self.send("Input.dispatchKeyEvent", down);
        self.send("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}));
    }

    /// Types a text, key by key.
    pub fn type_text(&mut self, text: &str) {
        text.chars().for_each(|key| self.key(&key.to_string()));
    }

    /// Shows the page as it is printed.
    pub fn print_media(&mut self) {
        self.send("Emulation.setEmulatedMedia", json!({"media": "print"}));
    }

    /// A picture, for people: tests write it where `SCREENSHOTS` says.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        use base64::Engine;
        let data = self.send("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(data["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }

    /// Errors, refused resources and exceptions so far.
    pub fn complaints(&mut self) -> Vec<String> {
        // An answer to this is behind all that was said before.
        self.get("1");
        let is_complaint = |event: &&Value| {
            matches!(
                event["method"].as_str(),
                Some("Log.entryAdded" | "Runtime.exceptionThrown" | "Runtime.consoleAPICalled")
            )
        };
        self.browser.events.iter().filter(is_complaint).map(Value::to_string).collect()
    }

    /// Every address that was asked for.
    pub fn requests(&mut self) -> Vec<String> {
        self.get("1");
        let asked = self.browser.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        asked.map(|event| event["params"]["request"]["url"].as_str().unwrap().to_owned()).collect()
    }
}

fn listen(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(output).split(0) {
            let Ok(message) = message else { return };
            let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.input.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The keys that `Browser::open` shares with every test.
pub const LIGHT: &[(&str, &str)] = &[("prefers-color-scheme", "light")];
/// The same in the dark.
pub const DARK: &[(&str, &str)] = &[("prefers-color-scheme", "dark")];
