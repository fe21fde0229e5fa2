import type { Matrix } from "../../src/adapters/matrix.js";
import * as works from "../../src/adapters/svd.js";
import { atOnce } from "../../src/adapters/turns.js";

// The decompositions as plain functions, for tests that look at their results alone.
export const qr = (a: Matrix) => atOnce(works.qr(a));
export const svd = (a: Matrix) => atOnce(works.svd(a));
export const svdOfProduct = (b: Matrix, a: Matrix) => atOnce(works.svdOfProduct(b, a));
export const leadingSvd = (a: Matrix, rank: number) => atOnce(works.leadingSvd(a, rank));
