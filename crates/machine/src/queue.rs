//! A queue whose bound is part of its type's contract.

use alloc::collections::VecDeque;

/// A first-in first-out queue that refuses, and counts, what exceeds its bound.
#[derive(Clone, Debug)]
pub struct BoundedQueue<T> {
    items: VecDeque<T>,
    capacity: usize,
    refused: u64,
}

impl<T> BoundedQueue<T> {
    /// A queue that holds at most `capacity` items. Memory is taken as items arrive, not here.
    pub fn new(capacity: usize) -> Self {
        Self {
            items: VecDeque::new(),
            capacity,
            refused: 0,
        }
    }

    /// Appends `item`, or gives it back (and counts it as refused) when the queue is full.
    ///
    /// # Errors
    /// The item itself, when the queue already holds its capacity.
    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.items.len() >= self.capacity {
            self.refused += 1;
            return Err(item);
        }
        self.items.push_back(item);
        Ok(())
    }

    /// Takes the oldest item.
    pub fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    /// Looks at the oldest item.
    pub fn peek(&self) -> Option<&T> {
        self.items.front()
    }

    /// Number of items held.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Free places.
    pub fn room(&self) -> usize {
        self.capacity - self.items.len()
    }

    /// Items refused since the queue was made.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Drops all items; the count of refused ones stays.
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Oldest first, without taking.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }
}
