//! What files say about the CPUs that a command sees: `/sys` has their numbers, and a build finds them in `/proc` too.
//!
//! Many programs count CPUs by these files (Node's `os.cpus()`, `grep -c ^processor`), and some choose instructions by
//! the flags in them. In a build both are the same on every host: the CPUs have no name, and the least that a processor
//! of the architecture has.

/// The list of CPUs in the form of `/sys/devices/system/cpu/online` (cputopology, in the kernel's admin guide).
pub(crate) fn online(count: usize) -> String {
    if count <= 1 { "0\n".to_owned() } else { format!("0-{}\n", count - 1) }
}

/// What stands for each CPU in `/proc/cpuinfo`, after its number.
///
/// The flags are those of the first level of the x86-64 psABI, section 3.1.1, under their names in the kernel.
#[cfg(target_arch = "x86_64")]
const EACH: &str = "vendor_id\t: unknown\ncpu family\t: 6\nmodel\t\t: 0\nmodel name\t: x86-64\nstepping\t: 0\n\
                    cpu MHz\t\t: 1000.000\nfpu\t\t: yes\n\
                    flags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall lm\nbogomips\t: 2000.00\n";
/// What stands for each CPU in `/proc/cpuinfo`, after its number. The features are those that every Armv8-A has.
#[cfg(target_arch = "aarch64")]
const EACH: &str = "BogoMIPS\t: 100.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x00\nCPU architecture: 8\n\
                    CPU variant\t: 0x0\nCPU part\t: 0x000\nCPU revision\t: 0\n";
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const EACH: &str = "";

/// So many CPUs in the form of `/proc/cpuinfo` (proc_cpuinfo(5)).
pub(crate) fn information(count: usize) -> String {
    (0..count).map(|number| format!("processor\t: {number}\n{EACH}\n")).collect()
}

/// So many CPUs in the form of `/proc/stat` (proc_stat(5)), on a host that was just started and has done nothing.
pub(crate) fn statistics(count: usize) -> String {
    let nothing = "0 0 0 0 0 0 0 0 0 0";
    let each: String = (0..count).map(|number| format!("cpu{number} {nothing}\n")).collect();
    format!(
        "cpu  {nothing}\n{each}intr 0\nctxt 0\nbtime 0\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n\
         softirq 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}
