//! Ctrl-C and SIGTERM: they end the program at once, unless somebody who has to end properly has claimed them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{exit, export};
use crate::jobs::Stop;
use crate::objects::s3;

/// How long uploads to S3 may take to be aborted before the program ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who hears of requests to stop: the last one.
static OWNERS: Mutex<Vec<Owner>> = Mutex::new(Vec::new());

/// What is done to the terminal before the program ends.
static BEFORE_END: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// Whether the program is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Number of the next claim.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What the program ends with after SIGTERM, as a shell would say it.
const TERMINATED: u8 = 128 + 15;

/// Somebody who hears of requests.
struct Owner {
    number: u64,
    sender: UnboundedSender<Stop>,
    hears_terminations: bool,
}

/// Requests to stop go to the holder of the last one of these until it is dropped.
pub struct Claim {
    /// The requests.
    pub requests: UnboundedReceiver<Stop>,
    number: u64,
}

/// Claims all requests to come.
pub fn claim() -> Claim {
    claimed(true)
}

/// Claims each Ctrl-C to come; SIGTERM ends the program at once.
pub fn claim_interrupts() -> Claim {
    claimed(false)
}

fn claimed(hears_terminations: bool) -> Claim {
    let (sender, requests) = unbounded_channel();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    owners().push(Owner { number, sender, hears_terminations });
    Claim { requests, number }
}

impl Claim {
    /// Forgets what was requested so far: there was nothing to stop.
    pub fn forget(&mut self) {
        while self.requests.try_recv().is_ok() {}
    }
}

/// Says what is to be done to the terminal before the program ends without unwinding.
pub fn before_end(work: impl Fn() + Send + 'static) {
    *BEFORE_END.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
}

fn owners() -> MutexGuard<'static, Vec<Owner>> {
    OWNERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Claim {
    fn drop(&mut self) {
        owners().retain(|owner| owner.number != self.number);
    }
}

/// Listens as long as the program runs: on a thread of its own, so that a request is heard whatever the others do. The
/// signals are caught when this returns: the line editor puts a handler of its own in place while a person types, and
/// afterwards the one that it found.
pub fn listen() {
    let (caught, is_caught) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Without it the system's own way remains: the program ends.
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(listening(&caught));
        }
    });
    // An error means that nothing is caught, which is said above.
    let _ = is_caught.recv();
}

/// Has a terminal that is closed end the program as SIGTERM does. Only where a person types: what is started to outlive
/// its terminal goes on.
pub fn hear_hangups() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                requested(Stop::Terminate);
            }
        });
    }
}

async fn listening(caught: &std::sync::mpsc::Sender<()>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let _ = caught.send(());
        let (Ok(mut interrupts), Ok(mut terminations)) = streams else { return };
        loop {
            tokio::select! {
                Some(()) = interrupts.recv() => requested(Stop::Interrupt),
                Some(()) = terminations.recv() => requested(Stop::Terminate),
                else => return,
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = caught.send(());
        while tokio::signal::ctrl_c().await.is_ok() {
            requested(Stop::Interrupt);
        }
    }
}

/// Tells the owner; without one, nothing is left to do but to end. A store stays whole wherever a writer ends.
fn requested(stop: Stop) {
    let owners = owners();
    let hears = |owner: &&Owner| stop == Stop::Interrupt || owner.hears_terminations;
    if owners.last().filter(hears).is_some_and(|owner| owner.sender.send(stop).is_ok()) {
        return;
    }
    drop(owners);
    if s3::is_uploading() && !ENDING.swap(true, Ordering::Relaxed) {
        std::thread::spawn(move || {
            abort_uploads();
            end(stop);
        });
    } else {
        end(stop);
    }
}

/// Waits until uploads whose writers failed are aborted, or for ever when the program ends already.
pub async fn end_of_uploads() {
    let _ = tokio::time::timeout(PATIENCE, s3::abort_unfinished()).await;
    if ENDING.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Parts that were sent to S3 stay there, and cost, until their upload is aborted. Asking a second time ends at once.
fn abort_uploads() {
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
        // Whether it went well or not, the program ends.
        let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, s3::abort_unfinished()).await });
    }
}

fn end(stop: Stop) {
    export::discard_unfinished();
    if let Some(work) = &*BEFORE_END.lock().unwrap_or_else(PoisonError::into_inner) {
        work();
    }
    let code = match stop {
        Stop::Interrupt => exit::INTERRUPTED,
        Stop::Terminate => TERMINATED,
    };
    std::process::exit(i32::from(code));
}
