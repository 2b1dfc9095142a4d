/* Rules that look at how probabilities are spread. */
#include "sampler_rules.h"

#include <float.h>

#include "mathematics.h"

/* Meister et al. 2022, "Locally Typical Sampling", section 3: tokens whose surprise -ln(p) is
 * nearest to the entropy H. With p = weight / mass those are the values nearest to
 * top + (ln(mass) - H) / scale. */
void rule_typical(const struct sampling *rules, struct candidates *candidates) {
    float mass = candidates_mass(candidates), entropy = candidates_entropy(candidates, mass);
    float center = candidates->top + (math_log(mass) - entropy) / candidates->scale;
    candidates_keep_near(candidates, center, rules->typical_p, rules->min_keep);
}

/* "Exclude top choices" (p-e-w, text-generation-webui pull request 6335). */
void rule_xtc(struct sampler *sampler, struct candidates *candidates) {
    const struct sampling *rules = &sampler->rules;
    size_t count = candidates_count(candidates), likely;
    struct candidate last;
    if (count < 2 || random_uniform(&sampler->random) > rules->xtc_probability)
        return;
    float least = rules->xtc_threshold * candidates_mass(candidates);
    likely = candidates_reaching(candidates, candidates->top + math_log(least) / candidates->scale,
                                 &last);
    if (likely > 1 && count - likely + 1 >= rules->min_keep)
        candidates_drop_above(candidates, last);
}

/* With a range, by how the entropy compares with the largest that so many candidates can have (Zhu
 * et al. 2024, "Hot or Cold?"; the form is llama.cpp's, temp-ext). */
static float dynamic_temperature(const struct sampling *rules,
                                 const struct candidates *candidates) {
    float low = rules->temperature - rules->dynatemp_range;
    float high = rules->temperature + rules->dynatemp_range;
    float largest = math_log((float)candidates_count(candidates));
    float share = candidates_entropy(candidates, candidates_mass(candidates)) / largest;
    float power = rules->dynatemp_exponent == 0 ? 1 : 0;
    if (share > 0)
        power = math_pow(share, rules->dynatemp_exponent);
    low = low > 0 ? low : 0;
    return low + (high - low) * power;
}

void rule_temperature(const struct sampling *rules, struct candidates *candidates) {
    float temperature = rules->temperature;
    if (rules->dynatemp_range > 0) {
        if (candidates_count(candidates) < 2)
            return;
        temperature = dynamic_temperature(rules, candidates);
    }
    float scale = 1 / temperature;
    if (scale > FLT_MAX || !(temperature > 0)) /* in the limit the likeliest alone */
        candidates_keep_first(candidates);
    else
        candidates_set_scale(candidates, scale > FLT_MIN ? scale : FLT_MIN);
}
