import fc from "fast-check";

// A property that takes long, or that is shrunk when its test would time out, says with what.
fc.configureGlobal({ interruptAfterTimeLimit: 100_000, markInterruptAsFailure: true });
