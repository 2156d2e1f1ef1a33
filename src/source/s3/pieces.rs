//! A large object, read from its beginning to its end: in pieces, the next one on its way while one is read.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::{Buf as _, Bytes};

use super::fetching::fetch;
use super::{Got, WHOLE, Wanted};
use crate::objects::Network;
use crate::source::SourceError;

/// A reader of an object.
pub(super) struct Pieces {
    wanted: Wanted,
    network: Arc<Network>,
    /// What is left of the piece that is read.
    piece: Bytes,
    /// Where the piece behind the one that is on its way begins.
    end: u64,
    next: Option<Receiver<Got>>,
}

impl Pieces {
    /// Reads an object whose size is known.
    pub fn of(wanted: Wanted, network: Arc<Network>) -> Self {
        Self { wanted, network, piece: Bytes::new(), end: 0, next: None }
    }

    fn size(&self) -> u64 {
        self.wanted.object.as_ref().map_or(0, |object| object.size)
    }

    /// Sends for the next piece, if there is one.
    fn send(&mut self) -> io::Result<()> {
        let (start, end) = (self.end, self.size().min(self.end + WHOLE));
        if start >= end {
            self.next = None;
            return Ok(());
        }
        let (wanted, turns) = (self.wanted.clone(), self.network.turns());
        let fetching = self.network.begin(async move {
            let _turn = turns.acquire().await;
            fetch(&wanted, Some(start..end)).await
        });
        self.next = Some(fetching.map_err(|error| SourceError::of_connection(&self.wanted.path, &error))?);
        self.end = end;
        Ok(())
    }
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() {
            if self.next.is_none() {
                self.send()?;
            }
            if let Some(next) = self.next.take() {
                let got = next.recv().map_err(|_| io::Error::other("the reader of S3 stopped"))?;
                let (bytes, object) = got?;
                // A listing that does not tell objects apart: from the first piece on it is known which one is read.
                self.wanted.object = Some(object);
                self.piece = bytes;
                self.send()?;
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece.advance(amount.min(self.piece.len()));
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.fill_buf()?;
        let taken = left.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&left[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}
