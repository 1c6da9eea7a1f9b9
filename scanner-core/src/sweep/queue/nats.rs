//! The queue for many machines: NATS JetStream. A job is a message of a work-queue stream, acknowledged when it is ended and
//! in between as often as it takes; what is given up lies in a stream of its own.
//!
//! The server may be lost and come back, even empty: the store knows what is not ended.

use super::{End, Queue, QueueError};
use crate::sweep::store::{Leased, Outcome, Store, Taken};
use crate::time;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::stream::{self, RetentionPolicy};
use async_nats::jetstream::{AckKind, Context, Message, kv};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const JOBS: &str = "STOPLEAK_JOBS";
const DEAD: &str = "STOPLEAK_DEAD";
const STATES: &str = "STOPLEAK_REPOSITORIES";
const WORKERS: &str = "workers";
/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a message's id is remembered, so that one that is published twice is one.
const REMEMBERED: Duration = Duration::from_secs(120);
/// Workers that may wait for a message at once; the server's own limit is 512.
const WAITING: i64 = 100_000;
/// How long the server is asked to wait for a message: longer each time that there is none.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
/// Messages under way to the server before it has said that it has them.
const UNDER_WAY: usize = 256;

/// A server of NATS with JetStream.
pub struct Nats {
    store: Arc<Store>,
    lease: Duration,
    runtime: Runtime,
    context: Context,
    held: Mutex<HashMap<String, Message>>,
    consumer: Mutex<Option<PullConsumer>>,
    states: Mutex<Option<kv::Store>>,
    wait: Mutex<Duration>,
    lost: Mutex<Option<Instant>>,
    mended: Mutex<Option<Instant>>,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl Nats {
    /// Connects to `nats://host:port`; `credentials` is what a file of NATS' holds. Its streams are made where they are missing.
    pub fn open(
        address: &str,
        credentials: Option<&str>,
        store: Arc<Store>,
        lease: Duration,
    ) -> Result<Nats, QueueError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| QueueError::Lost(error.to_string()))?;
        let context = runtime.block_on(async {
            let options =
                ConnectOptions::new().name("stopleak").max_reconnects(None).ping_interval(Duration::from_secs(5));
            let options =
                options.request_timeout(Some(Duration::from_secs(5))).connection_timeout(Duration::from_secs(5));
            let options = match credentials {
                Some(text) => options.credentials(text)?,
                None => options,
            };
            // It starts a task of its own, which takes the runtime.
            Ok::<_, Error>(async_nats::jetstream::new(options.connect(address).await?))
        });
        let context = context.map_err(lost)?;
        let (held, consumer, states) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (wait, lost, mended) = (Mutex::new(SHORTEST), Mutex::default(), Mutex::default());
        let nats = Nats { store, lease, runtime, context, held, consumer, states, wait, lost, mended };
        nats.consumer()?;
        Ok(nats)
    }

    /// The consumer, made where it is missing: of the server that was lost nothing may be left.
    fn consumer(&self) -> Result<PullConsumer, QueueError> {
        let mut known = lock(&self.consumer);
        if let Some(consumer) = known.as_ref() {
            return Ok(consumer.clone());
        }
        let made = self.runtime.block_on(self.make()).map_err(lost)?;
        *known = Some(made.clone());
        Ok(made)
    }

    async fn make(&self) -> Result<PullConsumer, Error> {
        let jobs = stream::Config {
            name: JOBS.to_owned(),
            subjects: vec!["stopleak.jobs.>".to_owned()],
            retention: RetentionPolicy::WorkQueue,
            duplicate_window: REMEMBERED,
            ..stream::Config::default()
        };
        let stream = self.context.get_or_create_stream(jobs).await?;
        let dead = stream::Config {
            name: DEAD.to_owned(),
            subjects: vec!["stopleak.dead.>".to_owned()],
            max_age: Duration::from_secs(90 * 86_400),
            duplicate_window: REMEMBERED,
            ..stream::Config::default()
        };
        self.context.get_or_create_stream(dead).await?;
        let workers = pull::Config {
            durable_name: Some(WORKERS.to_owned()),
            ack_wait: self.lease,
            // Who may have what is decided by the store, and so is when it is given up.
            max_deliver: -1,
            max_ack_pending: 100_000,
            max_waiting: WAITING,
            ..pull::Config::default()
        };
        Ok(stream.get_or_create_consumer(WORKERS, workers).await?)
    }

    async fn send(&self, subject: &str, messages: &[(String, String)]) -> Result<(), Error> {
        let mut taken = Vec::with_capacity(messages.len());
        for (id, text) in messages {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", id.as_str());
            taken.push(self.context.publish_with_headers(subject.to_owned(), headers, text.clone().into()).await?);
        }
        for taken in taken {
            taken.await?;
        }
        Ok(())
    }

    /// Does something on the server, again while it is away.
    fn patiently<T>(&self, act: impl AsyncFn() -> Result<T, Error>) -> Result<T, QueueError> {
        let started = Instant::now();
        loop {
            match self.runtime.block_on(act()) {
                Ok(done) => return Ok(done),
                Err(error) if started.elapsed() > PATIENCE => return Err(lost(error)),
                Err(_) => {
                    *lock(&self.consumer) = None;
                    std::thread::sleep(Duration::from_millis(500));
                    // It may have come back empty.
                    let _ = self.consumer();
                }
            }
        }
    }

    /// Publishes under names that are one's own: a job that was lost and is published anew is no duplicate.
    fn publish_as(&self, run: &str, jobs: &[String], name: &str) -> Result<(), QueueError> {
        let subject = format!("stopleak.jobs.{}", token(run));
        jobs.chunks(UNDER_WAY).try_for_each(|some| {
            let messages: Vec<_> = some.iter().map(|job| (format!("{job}{name}"), job.clone())).collect();
            self.patiently(async || self.send(&subject, &messages).await)
        })
    }

    async fn next(&self, consumer: &PullConsumer) -> Result<Option<Message>, Error> {
        let wait = *lock(&self.wait);
        let batch = consumer.fetch().max_messages(1).expires(wait).messages();
        let mut batch = tokio::time::timeout(Duration::from_secs(5), batch).await??;
        let message = tokio::time::timeout(wait + Duration::from_secs(5), batch.next()).await?.transpose()?;
        *lock(&self.wait) = if message.is_some() { SHORTEST } else { (wait * 2).min(LONGEST) };
        Ok(message)
    }

    /// A server that is away is waited for; not for ever.
    fn away(&self, error: Error) -> Result<Option<Message>, QueueError> {
        *lock(&self.consumer) = None;
        let since = *lock(&self.lost).get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(lost(error));
        }
        std::thread::sleep(Duration::from_millis(300));
        Ok(None)
    }

    fn message(&self) -> Result<Option<Message>, QueueError> {
        let consumer = match self.consumer() {
            Ok(consumer) => consumer,
            Err(error) => return self.away(error.to_string().into()),
        };
        match self.runtime.block_on(self.next(&consumer)) {
            Ok(message) => {
                *lock(&self.lost) = None;
                Ok(message)
            }
            Err(error) => self.away(error),
        }
    }

    fn ack(&self, message: &Message, kind: AckKind) {
        // An acknowledgement that is lost brings the message back, and the store knows that it is ended.
        let _ =
            self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(2), message.ack_with(kind)).await });
    }

    /// Tells all who watch what becomes of a repository.
    fn tell(&self, job: &Leased, state: &str, worker: &str) {
        let text = serde_json::json!({
            "repository": job.key, "run": job.run, "state": state, "worker": worker,
            "since": time::rfc3339(time::now()),
        });
        let key = blake3::hash(job.key.as_bytes()).to_hex()[..32].to_owned();
        let put = async {
            let bucket = self.states().await?;
            bucket.put(key, text.to_string().into()).await?;
            Ok::<_, Error>(())
        };
        // Nothing hangs on it.
        let put = self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(2), put).await });
        if !matches!(put, Ok(Ok(()))) {
            *lock(&self.states) = None;
        }
    }

    /// The bucket, looked up once: the server answers such a question slowly.
    async fn states(&self) -> Result<kv::Store, Error> {
        let known = lock(&self.states).clone();
        if let Some(bucket) = known {
            return Ok(bucket);
        }
        let config = || kv::Config { bucket: STATES.to_owned(), history: 1, ..kv::Config::default() };
        let bucket = match self.context.get_key_value(STATES).await {
            Ok(bucket) => bucket,
            Err(_) => self.context.create_key_value(config()).await?,
        };
        *lock(&self.states) = Some(bucket.clone());
        Ok(bucket)
    }
}

impl Queue for Nats {
    fn publish(&self, run: &str, jobs: &[String]) -> Result<(), QueueError> {
        self.publish_as(run, jobs, "")
    }

    fn take(&self, worker: &str) -> Result<Option<Leased>, QueueError> {
        let Some(message) = self.message()? else { return Ok(None) };
        let id = String::from_utf8_lossy(&message.payload).into_owned();
        let now = time::now();
        match self.store.lease_named(&id, worker, now, now + self.lease.as_secs().max(1) as i64)? {
            Taken::Yes(job) => {
                lock(&self.held).insert(job.id.clone(), message);
                self.tell(&job, "scanning", worker);
                Ok(Some(*job))
            }
            Taken::Ended => {
                self.ack(&message, AckKind::Ack);
                Ok(None)
            }
            // Another has it: it is looked at again when that one may have fallen silent.
            Taken::Busy(until) => {
                let wait = u64::try_from(until - now).unwrap_or(0).max(1);
                self.ack(&message, AckKind::Nak(Some(Duration::from_secs(wait))));
                Ok(None)
            }
        }
    }

    fn hold(&self, job: &Leased, worker: &str) -> Result<bool, QueueError> {
        let message = lock(&self.held).get(&job.id).cloned();
        if let Some(message) = message {
            self.ack(&message, AckKind::Progress);
        }
        Ok(self.store.extend(&job.id, worker, time::now() + self.lease.as_secs().max(1) as i64)?)
    }

    fn end(&self, job: &Leased, end: &End) -> Result<(), QueueError> {
        let message = lock(&self.held).remove(&job.id);
        let (kind, state) = match end {
            End::Done(outcome) => {
                self.store.finish(&job.id, *outcome, time::now())?;
                (AckKind::Ack, "done")
            }
            End::Dead(reason) => {
                let text =
                    serde_json::json!({ "job": job.id, "repository": job.key, "run": job.run, "reason": reason });
                let subject = format!("stopleak.dead.{}", token(&job.run));
                let message = [(job.id.clone(), text.to_string())];
                self.patiently(async || self.send(&subject, &message).await)?;
                self.store.finish(&job.id, Outcome::Dead, time::now())?;
                (AckKind::Ack, "dead")
            }
            End::Again(after) => {
                self.store.give_back(&job.id, time::now() + after.as_secs() as i64)?;
                (AckKind::Nak(Some((*after).max(Duration::from_millis(1)))), "waiting")
            }
        };
        if let Some(message) = message {
            self.ack(&message, kind);
        }
        self.tell(job, state, "");
        Ok(())
    }

    fn mend(&self) -> Result<u64, QueueError> {
        // Not before the ids of what was published are forgotten, and not by everybody at once.
        let mut mended = lock(&self.mended);
        if mended.get_or_insert_with(Instant::now).elapsed() < self.lease {
            return Ok(0);
        }
        *mended = Some(Instant::now());
        let jobs = self.runtime.block_on(async {
            let mut stream = self.context.get_stream(JOBS).await?;
            Ok::<_, Error>(stream.info().await?.state.messages)
        });
        // What is lost is published anew by one of those who find it so.
        let now = time::now();
        if !matches!(jobs, Ok(0)) || !self.store.turn("mend", now, self.lease.as_secs() as i64)? {
            return Ok(0);
        }
        let mut due: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.store.due(now)?.into_iter().for_each(|(run, job)| due.entry(run).or_default().push(job));
        due.iter().try_for_each(|(run, jobs)| self.publish_as(run, jobs, &format!("-{now}")))?;
        Ok(due.values().map(|jobs| jobs.len() as u64).sum())
    }
}

/// What may stand in a subject.
fn token(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn lost(error: Error) -> QueueError {
    QueueError::Lost(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
