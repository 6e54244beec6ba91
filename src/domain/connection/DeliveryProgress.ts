/**
 * How far a subscription's events were sent and acknowledged (SYN6). Acknowledgements are cumulative; both numbers are
 * seqs of the topic, and only grow.
 */

/** The progress of one subscription: the last seq that was sent, and the last that was acknowledged. */
export interface DeliveryProgress {
  readonly sent: number
  readonly acked: number
}

/** SYN6: how many events a frame up to `seq` sends for the first time. */
export const newlySent = ({ sent }: DeliveryProgress, seq: number): number => Math.max(0, seq - sent)

/** SYN6: how many events an acknowledgement up to `seq` confirms; events that were not sent cannot be confirmed. */
export const newlyAcked = ({ acked, sent }: DeliveryProgress, seq: number): number =>
  Math.max(0, Math.min(seq, sent) - acked)
