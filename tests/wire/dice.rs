//! Chance from a list of numbers: a shorter list, or lower numbers, give a simpler case, so that
//! what proptest makes small is small to read.

pub struct Dice(std::vec::IntoIter<u32>);

impl Dice {
    pub fn of(rolls: &[u32]) -> Self {
        Self(Vec::from(rolls).into_iter())
    }

    /// 0 when the list is at its end: callers' first alternative is the plainest one.
    pub fn roll(&mut self) -> u32 {
        self.0.next().unwrap_or(0)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.roll() as usize % limit.max(1)
    }

    pub fn chance(&mut self, percent: u32) -> bool {
        self.roll() % 100 >= 100 - percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
