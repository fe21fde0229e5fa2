/** Ways to be told that a run ended. */
export const noticeWays = ["bell", "desktop", "webhook"] as const;
export type NoticeWay = (typeof noticeWays)[number];

/** Holds the address of the webhook, which may have a secret in it. */
export const addressVariable = "ACEWRIGHT_NOTIFY_URL";
