//! What was measured, as a result of the report: everything but the scenario's own metric.

use super::{
    record::{Lack, Path, Problem, Scenario, ScenarioResult, Windows},
    runner::Runner,
    window::Measured,
};

/// The problem that a run is too short for a percentile.
pub(super) fn too_short(measured: &Measured, quantile: f64) -> Problem {
    if let Some(failed) = failures(measured) {
        return failed;
    }
    let text = format!(
        "the run is too short for a p{}: it takes {} samples and there were {}",
        quantile * 100.0,
        tollgate_stats::needed(quantile),
        measured.queries(),
    );
    Problem::lacking(Lack::Windows, text)
}

/// The problem that frames failed, which puts the figure in doubt.
pub(super) fn failures(measured: &Measured) -> Option<Problem> {
    let lost = measured.failed + measured.timed_out;
    (lost > 0).then(|| {
        let why = measured
            .failure
            .as_deref()
            .unwrap_or("their deadline passed");
        format!("{lost} frames failed: {why}").into()
    })
}

/// A result without its metric.
pub(super) fn of(
    runner: &Runner,
    scenario: Scenario,
    contender: usize,
    measured: &Measured,
    windows: Windows,
    twin: Option<&Measured>,
) -> ScenarioResult {
    let subject = runner.subject();
    let path = subject.path(contender).unwrap_or(Path::Plugin);
    let sandboxed = matches!(path, Path::Plugin | Path::Batched);
    let tally = &measured.tally;
    let frames_per_second = measured.frames_per_second();
    let inferences = measured.inferences();
    let joules = measured.joules.filter(|_| inferences > 0.0);
    let per_frame = inferences / (tally.frames().max(1) as f64);
    let open = measured.offered > 0;
    let in_time = measured.in_bound as f64 / measured.seconds.max(f64::MIN_POSITIVE);
    ScenarioResult {
        path,
        scenario,
        metric: None,
        problem: None,
        latency_ns: measured.latency(),
        frames: tally.frames(),
        failed: measured.failed,
        rejected: measured.rejected,
        timed_out: measured.timed_out,
        frames_per_second,
        inferences_per_second: frames_per_second * per_frame,
        goodput_per_second: measured.bounded.then_some(in_time),
        offered_per_second: open
            .then(|| measured.offered as f64 / measured.seconds.max(f64::MIN_POSITIVE)),
        cpu_ns_per_inference: measured.cpu_ns_per_inference(),
        memory: measured.memory,
        windows,
        energy: subject.energy(joules.map(|joules| joules / inferences)),
        stages_ns: sandboxed.then(|| tally.stages()).flatten(),
        toll: sandboxed
            .then(|| tally.toll_beside(twin.map(|twin| &twin.tally)))
            .flatten(),
    }
}
