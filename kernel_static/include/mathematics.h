/* The few functions of real numbers that the engine needs; the same code on every target, so
 * hosted and booted runs give the same bits. Errors are tested against the host's libm. */
#pragma once

float math_exp(float x);          /* within 2 ulp; 0 below -103, inf above 88.8 */
float math_log(float x);          /* within 2 ulp for x > 0 */
float math_sqrt(float x);         /* correctly rounded */
float math_pow(float x, float y); /* x > 0 */
void math_sin_cos(double angle, float *sine, float *cosine); /* |angle| < 2^20, abs error 1e-7 */
