//! What goes wrong with a server: answers that never come, or come after the change was made.

use crate::server::{Asked, Reply};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One thing that goes wrong once.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answered so, and nothing is done.
    Answer(Reply),
    /// Done, and the answer breaks off.
    Lost,
    /// Nothing is done, and no answer comes in time.
    Silence,
}

/// Faults for requests whose method and path begin so, each once.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<(String, Fault)>>>);

impl Faults {
    pub fn add(&self, asked: &str, fault: Fault) {
        self.0.lock().unwrap().push((asked.to_owned(), fault));
    }

    /// Answers as the faults say, or as `act` does.
    pub fn answer(&self, asked: &Asked, act: impl FnOnce(&Asked) -> Reply) -> Reply {
        let line = format!("{} {}", asked.method, asked.path);
        let fault = {
            let mut faults = self.0.lock().unwrap();
            let found = faults.iter().position(|(begin, _)| {
                line.starts_with(begin.as_str())
                    || asked.header("x-amz-target").is_some_and(|target| target.ends_with(begin))
            });
            found.map(|index| faults.remove(index).1)
        };
        match fault {
            None => act(asked),
            Some(Fault::Answer(reply)) => reply,
            Some(Fault::Lost) => {
                let reply = act(asked);
                Reply { body: b"{\"data\": {}}".to_vec(), cut_at: Some(3), ..reply }
            }
            Some(Fault::Silence) => {
                std::thread::sleep(Duration::from_secs(3));
                Reply::new(500, "")
            }
        }
    }
}
