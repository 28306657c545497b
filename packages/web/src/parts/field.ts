/** How everything looks that a person writes into or chooses from. 16 px, or iPhones zoom. */
export const field = "target w-full min-w-0 rounded-lg border border-line bg-raised px-3 text-base";
