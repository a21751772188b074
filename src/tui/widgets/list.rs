//! A list that keeps its place: what is selected is known by what it is, not by where it stands,
//! so that news above it do not move the selection.

use ratatui::layout::Rect;

/// What is selected and how far the list is scrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<K> {
    selected: Option<K>,
    /// Where it stood last; what follows there takes over when the selected thing goes.
    index: usize,
    offset: usize,
}

impl<K> Default for Place<K> {
    fn default() -> Self {
        Self { selected: None, index: 0, offset: 0 }
    }
}

/// A way to go in a list or a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// So many lines, up where it is negative.
    By(isize),
    /// So many halves of what can be seen.
    Half(isize),
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

impl<K: Clone + PartialEq> Place<K> {
    /// What is selected.
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// The index of the first line that can be seen.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Selects a thing.
    pub fn select(&mut self, key: K) {
        self.selected = Some(key);
    }

    /// Selects what stands in a line of the area that the list is drawn in.
    pub fn select_at(&mut self, keys: &[K], line: usize) {
        if let Some(key) = keys.get(self.offset + line) {
            self.selected = Some(key.clone());
        }
    }

    /// Moves the selection.
    pub fn go(&mut self, keys: &[K], motion: Motion, height: u16) {
        let Some(last) = keys.len().checked_sub(1) else { return };
        let half = isize::try_from(height / 2).unwrap_or(1).max(1);
        let to = match motion {
            Motion::By(lines) => self.index.saturating_add_signed(lines),
            Motion::Half(times) => self.index.saturating_add_signed(times.saturating_mul(half)),
            Motion::First => 0,
            Motion::Last => last,
        };
        self.selected = keys.get(to.min(last)).cloned();
        self.settle(keys, height);
    }

    /// Fits the place to what is there now: something is selected where there is something, and
    /// it can be seen.
    pub fn settle(&mut self, keys: &[K], height: u16) {
        let found = self.selected.as_ref().and_then(|key| keys.iter().position(|k| k == key));
        self.index = found.unwrap_or_else(|| self.index.min(keys.len().saturating_sub(1)));
        self.selected = keys.get(self.index).cloned();
        let height = usize::from(height.max(1));
        self.offset = self
            .offset
            .min(self.index)
            .max((self.index + 1).saturating_sub(height))
            .min(keys.len().saturating_sub(height));
    }

    /// The index of the selected line.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// The lines of an area, with the index of what stands in each.
pub fn lines(area: Rect, offset: usize) -> impl Iterator<Item = (Rect, usize)> {
    area.rows().enumerate().map(move |(at, line)| (line, offset + at))
}

#[cfg(test)]
mod tests;
