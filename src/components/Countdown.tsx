import { type ReactNode, useEffect, useState } from "react";

const INTERVAL = 200; // milliseconds

/**
 * The time until a program that is expected to hang is ended. Screen readers do not read each second.
 * @param props.until milliseconds since 1970
 */
export function Countdown({ until }: { until: number }): ReactNode {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), INTERVAL);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return (
    <span role="timer">
      It is expected to hang, and is ended in {seconds} {seconds === 1 ? "second" : "seconds"}.
    </span>
  );
}
