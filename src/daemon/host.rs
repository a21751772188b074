//! How the host is: processors and memory, from the kernel's own figures.

use std::fs;
use std::sync::{Mutex, PoisonError};

/// Remembers the last figures, because a share is a difference of two.
#[derive(Default)]
pub(crate) struct HostGauge {
    before: Mutex<Option<(u64, u64)>>,
}

impl HostGauge {
    /// The busy share of the processors since the last call, in percent; none at the first.
    pub(crate) fn cpu_percent(&self) -> Option<u32> {
        let now = processor_ticks(&fs::read_to_string("/proc/stat").ok()?)?;
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).replace(now)?;
        let (busy, all) = (now.0.checked_sub(before.0)?, now.1.checked_sub(before.1)?);
        u32::try_from((busy * 100).checked_div(all)?).ok()
    }

    /// The used share of the memory, in percent.
    pub(crate) fn memory_percent(&self) -> Option<u32> {
        memory_share(&fs::read_to_string("/proc/meminfo").ok()?)
    }
}

/// Busy ticks and all ticks.
fn processor_ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    let ticks: Vec<u64> =
        line.split_whitespace().take(8).filter_map(|number| number.parse().ok()).collect();
    let all = ticks.iter().sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

fn memory_share(meminfo: &str) -> Option<u32> {
    let field = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let total = field("MemTotal:")?;
    let used = total.checked_sub(field("MemAvailable:")?)?;
    u32::try_from((used * 100).checked_div(total)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_are_read() {
        let stat = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n";
        assert_eq!(processor_ticks(stat), Some((150, 1000)));
        let memory = "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:   250 kB\n";
        assert_eq!(memory_share(memory), Some(75));
    }

    #[test]
    fn a_share_needs_two_looks() {
        let gauge = HostGauge::default();
        assert_eq!(gauge.cpu_percent(), None);
        assert!(gauge.memory_percent().is_some_and(|share| share <= 100));
    }
}
