/** Latent frames a second: 48 000 Hz / 1920 samples a frame. */
export const framesPerSecond = 25;
